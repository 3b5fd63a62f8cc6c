/** An ordered list of variables; later settings replace values in place. */
export class Variables {
  readonly #values: Map<string, string>;

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.#values = new Map(entries);
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
    return this.#values.get(name);
  }

  with(name: string, value: string): Variables {
    const next = new Variables(this.#values);
    next.#values.set(name, value);
    return next;
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }

  toStrings(): readonly string[] {
    return [...this.#values].map(([name, value]) => `${name}=${value}`);
  }
}
