import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { badArchive } from './archive-error.js';
import { fileBytes } from './tar-bytes.js';
import { type TarEntry, walkTar } from './tar-walk.js';

const MOST_ENTRIES = 100_000;
const MOST_LINKS = 8;

/** Documents that decide what the archive means: two of one would mean two things. */
const DOCUMENTS = new Set(['manifest.json', 'index.json', 'oci-layout', 'repositories']);

/** Where the files of an image archive are in it. Nothing is ever extracted by its name. */
export interface TarIndex {
  /** The file at a path, links inside the archive followed; undefined when there is none. */
  file(path: string): TarEntry | undefined;
}

/** Lists an archive. Names that lead outside (`../`, absolute) are refused: `integrity/archive`. */
export async function indexTar(handle: FileHandle): Promise<TarIndex> {
  const { size } = await handle.stat();
  const entries = new Map<string, TarEntry>();
  for await (const entry of walkTar(fileBytes(handle, size))) {
    if (entries.size >= MOST_ENTRIES) throw badArchive(`it has more than ${MOST_ENTRIES} entries`);
    const name = safeName(entry.name);
    if (DOCUMENTS.has(name) && entries.has(name)) throw badArchive(`it has ${name} twice`);
    if (entry.type !== 'dir') entries.set(name, entry);
  }
  return { file: (path) => followLinks(entries, safeName(path)) };
}

function safeName(name: string): string {
  const clean = posix.normalize(name);
  const leaves = clean === '..' || clean.startsWith('../') || name.split('/').includes('..');
  if (name === '' || leaves || clean.startsWith('/') || /[\0\\]/.test(name)) {
    throw badArchive(`an entry's name leads outside: ${JSON.stringify(name.slice(0, 200))}`);
  }
  return clean.replace(/\/$/, '');
}

/** Docker's older archives store a layer once and link to it from further directories. */
function followLinks(entries: ReadonlyMap<string, TarEntry>, path: string): TarEntry | undefined {
  let name = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const entry = entries.get(name);
    if (entry?.type !== 'symlink' && entry?.type !== 'hardlink')
      return entry?.type === 'file' ? entry : undefined;
    const from = entry.type === 'symlink' ? posix.dirname(name) : '.';
    const target = posix.normalize(posix.join(from, entry.linkName));
    if (entry.linkName.startsWith('/') || target.startsWith('..')) {
      throw badArchive(`a link leads outside: ${JSON.stringify(name)}`);
    }
    name = target;
  }
  throw badArchive(`a link leads in circles: ${JSON.stringify(path)}`);
}
