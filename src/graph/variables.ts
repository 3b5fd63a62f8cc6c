/** A change beyond this many is merged into the shared part, so that `with` copies little. */
const MAX_CHANGES = 64;

/** An ordered list of variables; later settings replace values in place. Immutable. */
export class Variables {
  /** Shared between versions, never changed. */
  readonly #settled: ReadonlyMap<string, string>;
  /** What this version sets beyond that. */
  readonly #changes: ReadonlyMap<string, string>;

  constructor(
    entries: Iterable<readonly [string, string]> = [],
    changes: ReadonlyMap<string, string> = new Map<string, string>(),
  ) {
    this.#settled = entries instanceof Map ? entries : new Map(entries);
    this.#changes = changes;
  }

  /** From `K=V` strings; an entry without `=` is a set but empty variable. */
  static fromStrings(entries: readonly string[]): Variables {
    return new Variables(
      entries.map((entry) => {
        const equals = entry.indexOf('=');
        return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    );
  }

  get(name: string): string | undefined {
    return this.#changes.get(name) ?? this.#settled.get(name);
  }

  /** A list with one more setting; costs the same however many variables there are. */
  with(name: string, value: string): Variables {
    const changes = new Map(this.#changes).set(name, value);
    if (changes.size > MAX_CHANGES) return new Variables([...this.#settled, ...changes]);
    return new Variables(this.#settled, changes);
  }

  names(): readonly string[] {
    return [...this.#all().keys()];
  }

  toStrings(): readonly string[] {
    return [...this.#all()].map(([name, value]) => `${name}=${value}`);
  }

  #all(): ReadonlyMap<string, string> {
    return this.#changes.size === 0 ? this.#settled : new Map([...this.#settled, ...this.#changes]);
  }
}
