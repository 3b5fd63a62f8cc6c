import type { Executor } from '../exec/index.js';

/** The executor of a build, loaded with the first step that has to run: most rebuilds run none. */
export class LateExecutor {
  #made: Promise<Executor> | undefined;

  get(): Promise<Executor> {
    this.#made ??= import('../exec/index.js').then(({ createExecutor }) => createExecutor());
    return this.#made;
  }

  async close(): Promise<void> {
    await (await this.#made)?.close();
  }
}
