import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ContextDirectory, contextDirectory, type FetchedFiles, fetchFiles } from '../context/index.js';
import type { OpenContext } from '../solve/index.js';
import type { Store } from '../store/index.js';
import { contextArchives } from './context-archives.js';
import type { NamedContexts } from './named-contexts.js';

/** The contexts of a build, each opened at first use and then kept. */
export class Contexts {
  readonly #open = new Map<string, OpenContext>();
  readonly #fetched = new Map<string, Promise<FetchedFiles>>();

  constructor(
    readonly store: Store,
    main: ContextDirectory,
    readonly named: Pick<NamedContexts, 'directories' | 'remotes'>,
  ) {
    this.#open.set('main', this.#withIndex(main));
  }

  /** The context called `name`; names of --build-context were checked before. */
  async get(name: string, signal: AbortSignal): Promise<OpenContext> {
    const known = this.#open.get(name);
    if (known) return known;
    const url = this.named.remotes.get(name);
    const directory =
      url === undefined ? this.named.directories.get(name) : (await this.fetch(url, signal)).root;
    const opened = this.#open.get(name) ?? this.#withIndex(contextDirectory(directory ?? name));
    this.#open.set(name, opened);
    return opened;
  }

  /** The files behind a URL, fetched once; they stay until the build ends. */
  fetch(url: string, signal: AbortSignal): Promise<FetchedFiles> {
    const known = this.#fetched.get(url) ?? this.#fetchNow(url, signal);
    this.#fetched.set(url, known);
    return known;
  }

  async #fetchNow(url: string, signal: AbortSignal): Promise<FetchedFiles> {
    const { path: directory } = await this.store.temporary.directory();
    return fetchFiles(url, { directory, archives: contextArchives(directory), signal });
  }

  #withIndex(tree: ContextDirectory): OpenContext {
    const name = createHash('sha256').update(tree.root).digest('hex').slice(0, 32);
    const directory = join(this.store.root, 'context-index');
    mkdirSync(directory, { recursive: true });
    return { tree, indexFile: join(directory, name) };
  }
}
