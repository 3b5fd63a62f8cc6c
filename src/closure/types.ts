import type { Platform } from '../core/index.js';

/** Why a file is in the closure. Names that begin with `rule:` or `data:` come from rules, not from ELF. */
export type Rule =
  | 'program'
  | 'interpreter'
  | 'absolute'
  | 'rpath'
  | 'library-path'
  | 'runpath'
  | 'lib-path'
  | 'ld.so.cache'
  | 'ld.so.conf'
  | 'default-directory'
  | 'musl-path'
  | 'hwcaps'
  | 'preload'
  | 'audit'
  | 'dlopen-note'
  | 'shebang'
  | 'env'
  | 'symlink'
  | `rule:${string}`
  | `data:${string}`;

/** A program to start from. */
export interface Program {
  /** Absolute path in the source root; a directory stands for all programs and libraries in it. */
  readonly path: string;
  /** Where it will lie in the target, when elsewhere: `$ORIGIN` counts from there. */
  readonly targetPath?: string;
}

/** One path to be copied. */
export interface ClosureFile {
  /** Absolute path in the target. */
  readonly path: string;
  readonly kind: 'file' | 'symlink' | 'dir' | 'generated';
  /** Of a symlink, verbatim. */
  readonly target?: string;
  /** Path in the source root, when it is another one. */
  readonly source?: string;
  /** Of a generated file; ld.so.cache is made from `cacheLibraries` when it is written. */
  readonly content?: string;
  /** Of a generated file: its lines are added to those that the target has, by the name before the colon. */
  readonly joinLines?: true;
  /** Bytes of content; of a symlink, the length of its target. */
  readonly sizeBytes: number;
  /** The path that asked for it; null for the programs themselves and for what a data set adds. */
  readonly neededBy: string | null;
  readonly rule: Rule;
  /** Which directory, entry or note it was found by, for people. */
  readonly detail?: string;
  /** Added by a rule that guesses, not by what the files say. */
  readonly guessed?: true;
}

/** Something that is needed and not there, or not usable. */
export interface MissingFile {
  readonly name: string;
  readonly reason:
    | 'not-found'
    | 'malformed'
    | 'unreadable'
    | 'wrong-abi'
    | 'relative-path'
    | 'symbol-version'
    | 'symlink-loop'
    | 'interpreter'
    | 'too-deep';
  readonly neededBy: string;
  /** From the program to the file that asks, both included. */
  readonly chain: readonly string[];
  /** One line for people. */
  readonly message: string;
  /** Where was looked, in order, with what stood in the way. */
  readonly searched: readonly string[];
}

export interface ClosureWarning {
  readonly kind:
    | 'current-directory'
    | 'allowed-missing'
    | 'optional-missing'
    | 'suggested'
    | 'variant-only'
    | 'unreadable-configuration'
    | 'other-platform'
    | 'unknown-loader'
    | 'data'
    | 'not-in-target';
  readonly path: string;
  readonly message: string;
}

/** A library that the target's loader finds only with an entry in its ld.so.cache. */
export interface CacheLibrary {
  readonly soname: string;
  readonly path: string;
  /** Type and ABI, as ldconfig numbers them. */
  readonly flags: number;
  readonly littleEndian: boolean;
}

export interface Closure {
  /** Sorted by path; every one is to be copied. */
  readonly files: readonly ClosureFile[];
  readonly missing: readonly MissingFile[];
  readonly warnings: readonly ClosureWarning[];
  /** What /etc/ld.so.cache of the target must name; empty when default directories are enough. */
  readonly cacheLibraries: readonly CacheLibrary[];
  /** The data sets that seem to be wanted, by what the programs call; for `slim` and for hints. */
  readonly suggestedData: readonly string[];
}

export interface ClosureOptions {
  /** Extra directories, searched before ld.so.cache. */
  readonly libPaths?: readonly string[];
  /** Sonames or paths whose absence is only a warning. */
  readonly allowMissing?: readonly string[];
  /** Names of data sets (`dataSetNames`). */
  readonly data?: readonly string[];
  /** The image's environment: LD_LIBRARY_PATH and PATH count. */
  readonly env?: Readonly<Record<string, string>>;
  /** CPU-specific variants taken besides the baseline; default all that the loader knows. */
  readonly hwcaps?: 'all' | 'none' | readonly string[];
  /** Warn about programs for another architecture. */
  readonly platform?: Platform;
  /** Add what the automatic rules guess; default true. */
  readonly rules?: boolean;
  /**
   * Look also in the directories of ld.so.conf when the cache does not name a library; default
   * true. False answers what the loader would do in this root as it stands.
   */
  readonly useLdSoConf?: boolean;
  /** The kernel the image is for, such as [5, 10]: libraries that want a newer one are passed over. */
  readonly kernel?: readonly number[];
  /** Users whose passwd and group lines the nss set keeps (names or numbers); default all. */
  readonly users?: readonly string[];
}
