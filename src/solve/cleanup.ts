/** Things to be undone in reverse order when a step ends, however it ends. */
export class Cleanup implements AsyncDisposable {
  readonly #undo: (() => Promise<void>)[] = [];

  /** Takes over a disposable and gives it back. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.#undo.push(async () => resource[Symbol.asyncDispose]());
    return resource;
  }

  defer(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  /** Undoes everything even when something fails; the first failure is thrown at the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
