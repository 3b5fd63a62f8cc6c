import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ContextDirectory, contextDirectory } from '../context/index.js';
import type { OpenContext } from '../solve/index.js';
import type { Store } from '../store/index.js';

/** The contexts of a build, each opened at first use and then kept. */
export class Contexts {
  readonly #open = new Map<string, OpenContext>();
  readonly #directories: ReadonlyMap<string, string>;

  constructor(
    readonly store: Store,
    main: ContextDirectory,
    named: ReadonlyMap<string, string>,
  ) {
    this.#open.set('main', this.#withIndex(main));
    this.#directories = named;
  }

  /** The context called `name`; names of --build-context were checked before. */
  async get(name: string): Promise<OpenContext> {
    const known = this.#open.get(name);
    if (known) return known;
    const opened = this.#withIndex(contextDirectory(this.#directories.get(name) ?? name));
    this.#open.set(name, opened);
    return opened;
  }

  #withIndex(tree: ContextDirectory): OpenContext {
    const name = createHash('sha256').update(tree.root).digest('hex').slice(0, 32);
    const directory = join(this.store.root, 'context-index');
    mkdirSync(directory, { recursive: true });
    return { tree, indexFile: join(directory, name) };
  }
}
