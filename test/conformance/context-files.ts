import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { entryBytes, type FileEntry } from './cases.js';

/** Entries without an mtime get this one, so that COPY's keeping of times can be seen. */
export const CONTEXT_MTIME = 1_700_000_000;

async function makeSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  // Closing would unlink the socket; an unreferenced server keeps it until the process ends.
  server.unref();
}

async function makeEntry(entry: FileEntry, path: string, root: string): Promise<void> {
  switch (entry.type ?? 'file') {
    case 'dir':
      mkdirSync(path, { recursive: true });
      return;
    case 'symlink':
      symlinkSync(entry.target ?? '', path);
      return;
    case 'hardlink':
      linkSync(join(root, entry.target ?? ''), path);
      return;
    case 'fifo':
      execFileSync('mkfifo', [path]);
      return;
    case 'socket':
      return makeSocket(path);
    default:
      writeFileSync(path, entryBytes(entry));
  }
}

/** Writes entries below `root`; a patch may remove or replace what is there. */
export async function writeEntries(
  root: string,
  entries: readonly FileEntry[],
  mtime = CONTEXT_MTIME,
): Promise<void> {
  const process_umask = process.umask(0o022);
  const times: [string, number][] = [];
  for (const entry of entries) {
    const path = join(root, entry.path);
    if (entry.remove || (entry.type ?? 'file') !== 'dir') rmSync(path, { recursive: true, force: true });
    if (entry.remove) continue;
    mkdirSync(dirname(path), { recursive: true });
    await makeEntry(entry, path, root);
    if (entry.type !== 'symlink' && entry.type !== 'hardlink') {
      chownSync(path, entry.uid ?? 0, entry.gid ?? 0);
      chmodSync(path, Number.parseInt(entry.mode ?? (entry.type === 'dir' ? '0755' : '0644'), 8));
    }
    for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
      execFileSync('setfattr', ['-h', '-n', name, '-v', value, path]);
    }
    times.push([path, entry.mtime ?? mtime]);
  }
  for (const [path, seconds] of times.reverse()) lutimesSync(path, seconds, seconds);
  process.umask(process_umask);
}
