import { join } from 'node:path';
import {
  type ContextDirectory,
  contextDirectory,
  type FoundBuildfile,
  findBuildfile,
} from '../context/index.js';
import { ForgeError } from '../core/index.js';
import { readSmallStream } from './read-stream.js';
import type { BuildRequest, Caller } from './types.js';

/** The build's own context and the Buildfile it is built by. */
export interface MainContext {
  readonly directory: ContextDirectory;
  readonly name: string;
  readonly text: string;
  /** Where the Buildfile is, as far as it is anywhere: tells this project's steps from another's. */
  readonly location: string;
}

const MAX_BUILDFILE_BYTES = 16 << 20;

function decode(bytes: Uint8Array, name: string): string {
  const text = Buffer.from(bytes).toString('utf8');
  if (!text.includes('\0')) return text;
  throw new ForgeError('user/buildfile-encoding', `${name} is not a text file`, {
    hint: 'a Buildfile is UTF-8 text',
  });
}

/** Opens the context directory and reads the Buildfile. */
export async function openMainContext(request: BuildRequest, caller: Caller): Promise<MainContext> {
  const { context, file } = request;
  if (context.kind !== 'directory') {
    throw new ForgeError('user/context', 'cannot build from such a context', { hint: 'give a directory' });
  }
  if (file === '-') {
    const text = decode(
      await readSmallStream(caller.stdin, MAX_BUILDFILE_BYTES, caller.signal),
      'standard input',
    );
    return { directory: contextDirectory(context.path), name: '-', text, location: `${context.path}\0-` };
  }
  const found: FoundBuildfile = findBuildfile(contextDirectory(context.path).root, file);
  const directory = contextDirectory(context.path, found);
  return {
    directory,
    name: found.name,
    text: decode(found.bytes, found.name),
    location: join(directory.root, found.name),
  };
}
