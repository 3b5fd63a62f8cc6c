import { join, relative } from 'node:path';
import {
  type ContextDirectory,
  contextDirectory,
  type FoundBuildfile,
  fetchContext,
  findBuildfile,
  type ReceivedContext,
  type ReceiveOptions,
  receiveContext,
} from '../context/index.js';
import { ForgeError, prefixed, wrapError } from '../core/index.js';
import type { Store } from '../store/index.js';
import { contextArchives } from './context-archives.js';
import { readSmallStream } from './read-stream.js';
import type { BuildRequest, Caller } from './types.js';

/** The build's own context and the Buildfile it is built by. */
export interface MainContext {
  readonly directory: ContextDirectory;
  readonly name: string;
  readonly text: string;
  /** Where the Buildfile is, as far as it is anywhere: tells this project's steps from another's. */
  readonly location: string;
  /** Of a context from a URL, what the server or the commit says of its age. */
  readonly modifiedSeconds?: number;
  /** The context came from elsewhere, with the times of an archive. */
  readonly isRemote: boolean;
}

const MAX_BUILDFILE_BYTES = 16 << 20;

function decode(bytes: Uint8Array, name: string): string {
  const text = Buffer.from(bytes).toString('utf8');
  if (!text.includes('\0')) return text;
  throw new ForgeError('user/buildfile-encoding', `${name} is not a text file`, {
    hint: 'a Buildfile is UTF-8 text',
  });
}

/** Opens the context and reads the Buildfile. */
export async function openMainContext(
  request: BuildRequest,
  caller: Caller,
  store: Store,
): Promise<MainContext> {
  const { context, file } = request;
  if (context.kind === 'directory') return directoryContext(context.path, file, caller);
  const { path: directory } = await store.temporary.directory();
  const { signal } = caller;
  const options = { directory, archives: contextArchives(directory), signal };
  const received =
    context.kind === 'stdin'
      ? await receiveContext(caller.stdin, options)
      : await fetchMain(context.url, options);
  if (received.kind === 'directory') {
    // -f names a file of the context itself: nothing else of this machine belongs to it.
    const inside =
      file === undefined || file === '-' ? file : join(received.root, relative(process.cwd(), file));
    const opened = await directoryContext(received.root, inside, caller);
    const { modifiedSeconds } = received;
    return {
      ...opened,
      location: `${context.kind === 'url' ? context.url : '-'}\0${opened.name}`,
      isRemote: true,
      ...(modifiedSeconds === undefined ? {} : { modifiedSeconds }),
    };
  }
  const name = context.kind === 'stdin' ? '-' : 'Buildfile';
  const text = decode(received.bytes, 'the Buildfile');
  return {
    directory: contextDirectory(received.root),
    name,
    text,
    location: `${name}\0${request.tags.join()}`,
    isRemote: context.kind === 'url',
  };
}

/** What fails here fails in BuildKit when it reads the Buildfile. */
async function fetchMain(url: string, options: ReceiveOptions): Promise<ReceivedContext> {
  try {
    return await fetchContext(url, options);
  } catch (error) {
    throw prefixed(
      wrapError(error, 'reading the context'),
      'failed to read dockerfile: failed to load cache key',
    );
  }
}

async function directoryContext(
  path: string,
  file: string | undefined,
  caller: Caller,
): Promise<MainContext> {
  if (file === '-') {
    const text = decode(
      await readSmallStream(caller.stdin, MAX_BUILDFILE_BYTES, caller.signal),
      'standard input',
    );
    return { directory: contextDirectory(path), name: '-', text, location: `${path}\0-`, isRemote: false };
  }
  const found: FoundBuildfile = findBuildfile(contextDirectory(path).root, file);
  const directory = contextDirectory(path, found);
  const text = decode(found.bytes, found.name);
  return { directory, name: found.name, text, location: join(directory.root, found.name), isRemote: false };
}
