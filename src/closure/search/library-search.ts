import type { ElfAbi } from '../elf/header.js';
import type { ElfObject } from '../elf/read-elf.js';
import type { Arrival } from '../root/path-walker.js';
import type { Rule } from '../types.js';

/** One path as the loader spells it: in the source, and in the target when the program moves. */
export interface Place {
  readonly source: string;
  readonly target: string;
}

/** An ELF file that the loader can take. */
export interface Candidate {
  readonly place: Place;
  readonly arrival: Arrival;
  readonly object: ElfObject;
}

/** An object in a process, with all that later searches ask of it. */
export interface LoadedObject extends Candidate {
  /** The object whose dependency brought it in; absent for the program itself. */
  readonly loader?: LoadedObject;
  /** The directory for $ORIGIN, as a place. */
  readonly origin: Place;
  /** The path of this file in the closure, for reasons and chains. */
  readonly filePath: string;
  /** How many loaders stand between it and the program. */
  readonly depth: number;
}

export interface Found extends Candidate {
  readonly rule: Rule;
  readonly detail: string;
  /** Builds of the same library for better CPUs. */
  readonly variants: readonly Candidate[];
}

export type SearchResult =
  | { readonly kind: 'found'; readonly found: Found }
  /** musl: the name stands for the loader itself. */
  | { readonly kind: 'loader' }
  | {
      readonly kind: 'missing';
      readonly reason:
        | 'not-found'
        | 'malformed'
        | 'unreadable'
        | 'wrong-abi'
        | 'relative-path'
        | 'symlink-loop';
      readonly searched: readonly string[];
      readonly why?: string;
    };

/** What is the same for every search in one process. */
export interface ProcessContext {
  readonly abi: ElfAbi;
  /** LD_LIBRARY_PATH; absent in secure-execution mode. */
  readonly libraryPath?: string;
  /** The program is setuid, setgid or has file capabilities. */
  readonly secure: boolean;
  /** Called for elements that depend on the current directory. */
  readonly warn: (path: string, element: string) => void;
}

/** How one kind of loader looks for libraries. */
export interface LibrarySearch {
  find(name: string, requester: LoadedObject, context: ProcessContext): SearchResult;
}
