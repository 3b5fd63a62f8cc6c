import type { PathWalker } from '../root/path-walker.js';
import type { AbiTraits } from './abi.js';

const MAX_LEGACY_DEPTH = 4;

/** Finds the subdirectories in which a glibc loader prefers builds for better CPUs. */
export class HwcapDirectories {
  private readonly found = new Map<string, readonly string[]>();

  constructor(
    private readonly walker: PathWalker,
    private readonly traits: AbiTraits | undefined,
    /** glibc before 2.37 looks also in `tls`, platform and feature directories. */
    private readonly legacy: boolean,
  ) {}

  /** Relative paths below a directory, best first. */
  below(directory: string): readonly string[] {
    const known = this.found.get(directory);
    if (known !== undefined) return known;
    const subdirectories = this.list(directory);
    this.found.set(directory, subdirectories);
    return subdirectories;
  }

  private list(directory: string): readonly string[] {
    const named = this.traits?.hwcaps ?? [];
    const present = new Set(this.names(`${directory}/glibc-hwcaps`));
    const current = named.filter((name) => present.has(name)).map((name) => `glibc-hwcaps/${name}`);
    return this.legacy ? [...current, ...this.legacyBelow(directory, '', 0)] : current;
  }

  private legacyBelow(directory: string, prefix: string, depth: number): readonly string[] {
    if (depth === MAX_LEGACY_DEPTH) return [];
    const names = new Set(this.names(directory));
    return (this.traits?.legacyHwcaps ?? [])
      .filter((name) => names.has(name))
      .flatMap((name) => [
        ...this.legacyBelow(`${directory}/${name}`, `${prefix}${name}/`, depth + 1),
        `${prefix}${name}`,
      ]);
  }

  private names(directory: string): readonly string[] {
    const arrival = this.walker.walk(directory);
    return arrival.found && arrival.stat.kind === 'dir' ? this.walker.readdir(arrival.path) : [];
  }
}
