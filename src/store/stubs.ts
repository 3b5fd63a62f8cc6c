import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { hashedName } from './paths.js';
import { removeTree } from './remove-tree.js';
import { errnoOf, inStage } from './stage.js';
import type { Tenant } from './tenant.js';
import type { StubEntry, StubStore } from './types.js';

export function createStubs(tenant: Tenant): StubStore {
  return { open: (entries) => inStage('making mount points', () => openStubs(tenant, entries)) };
}

async function openStubs(tenant: Tenant, entries: readonly StubEntry[]): Promise<string> {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  const target = `${tenant.paths.stubs}/${hashedName(JSON.stringify(sorted)).slice(0, 16)}`;
  if (existsSync(target) && (await tenant.touch(target))) return target;
  const fresh = tenant.freshPath();
  mkdirSync(fresh);
  chmodSync(fresh, 0o755);
  for (const entry of sorted) makeEntry(fresh, entry);
  try {
    await tenant.publish(fresh, target);
  } catch (error) {
    // Another process was faster; its directory is the same.
    await removeTree(fresh);
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
  }
  return target;
}

/** Parents that the image itself has are needed too: there the image's own attributes show. */
function makeEntry(root: string, { path, kind }: StubEntry): void {
  const full = `${root}${path}`;
  const parent = full.slice(0, full.lastIndexOf('/'));
  mkdirSync(kind === 'directory' ? full : parent, { recursive: true });
  if (kind === 'file') closeSync(openSync(full, 'wx'));
  chmodSync(full, kind === 'directory' ? 0o755 : 0o644);
}
