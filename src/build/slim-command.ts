import { posix } from 'node:path';
import { findCommand, type RootFileSystem } from '../closure/index.js';
import { locate } from '../context/index.js';
import type { ContainerConfig } from '../oci/index.js';

/** What of an image a command speaks of. Paths are absolute, in the image. */
export interface CommandFiles {
  /** What the command starts, and the scripts and other files that its words name. */
  readonly programs: readonly string[];
  /** Directories that are kept whole. */
  readonly trees: readonly string[];
}

/** Where a distribution lies: an application's directory is none of these. */
const SYSTEM_DIRECTORY =
  /^\/(?:$|(?:usr|bin|sbin|lib\w*|etc|var|dev|proc|sys|run|tmp|boot)(?:$|\/(?!src\/|local\/src\/|www\/|lib\/www\/)))/;
/** What separates the words of a shell command, roughly: each word is only looked up. */
const SHELL_SEPARATORS = /[\s;&|()<>"'`$={}]+/;

/** The commands that an image or --target-cmd names, as lists of words. */
export function commandsOf(
  config: ContainerConfig,
  targets: readonly string[],
): readonly (readonly string[])[] {
  const own = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const given = targets.map((text) => text.trim().split(/\s+/));
  return [own, ...given].filter(([first]) => first !== undefined && first !== '');
}

/** Finds what the words of commands mean in an image. */
export class CommandReader {
  constructor(
    readonly root: RootFileSystem,
    readonly directory: string,
    readonly config: ContainerConfig,
  ) {}

  /** Programs that are started, files that are named; a shell's script is searched for commands. */
  read(words: readonly string[]): CommandFiles {
    const expanded = words.flatMap((word, index) =>
      index > 0 && words[index - 1] === '-c' ? word.split(SHELL_SEPARATORS) : [word],
    );
    const isShell = expanded.length > words.length;
    const programs = new Set<string>();
    for (const [index, word] of expanded.entries()) {
      const path = index === 0 || isShell ? (this.#command(word) ?? this.#file(word)) : this.#file(word);
      if (path !== undefined) programs.add(path);
    }
    return { programs: [...programs], trees: this.#workTree() };
  }

  #command(word: string): string | undefined {
    if (word === '' || word.includes('/')) return undefined;
    const entry = this.config.Env?.find((line) => line.startsWith('PATH='));
    return findCommand(this.root, word, entry?.slice('PATH='.length));
  }

  #file(word: string): string | undefined {
    if (word === '' || word.startsWith('-')) return undefined;
    const path = posix.resolve('/', this.config.WorkingDir ?? '/', word);
    return locate(this.directory, path, { follow: true })?.stats.isFile() ? path : undefined;
  }

  /** An image's working directory is where its application lies, unless it is one of the system's. */
  #workTree(): readonly string[] {
    const path = posix.resolve('/', this.config.WorkingDir ?? '/');
    if (SYSTEM_DIRECTORY.test(path)) return [];
    return locate(this.directory, path, { follow: true })?.stats.isDirectory() ? [path] : [];
  }
}
