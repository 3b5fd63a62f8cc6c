import { closeSync, fstatSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { loadAddon } from '../native/index.js';
import { hashedName, type StorePaths } from './paths.js';
import { inStage, unlessErrno } from './stage.js';
import type { Tenant } from './tenant.js';
import type { LockStore } from './types.js';
import { waitFor } from './wait.js';

type LockKind = 'shared' | 'exclusive';

export function createLocks(tenant: Tenant): LockStore {
  return {
    acquire: (name, kind, signal) =>
      inStage('waiting for a lock of the store', () => {
        tenant.requireWritable('locking the store');
        const file = `${tenant.paths.locks}/${hashedName(name)}`;
        return waitFor(() => tryAcquire(file, kind), signal);
      }),
    tryAcquire: (name, kind) =>
      inStage('taking a lock of the store', () => {
        tenant.requireWritable('locking the store');
        return tryAcquire(`${tenant.paths.locks}/${hashedName(name)}`, kind);
      }),
  };
}

function tryAcquire(file: string, kind: LockKind): AsyncDisposable | undefined {
  const { lock } = loadAddon();
  for (;;) {
    const fd = openSync(file, 'a', 0o600);
    let taken = false;
    try {
      taken = lock(fd, kind, true);
      if (!taken) return undefined;
      // The holder before may have removed the file: then somebody else can lock a newer one.
      if (fstatSync(fd).nlink > 0) return { [Symbol.asyncDispose]: async () => release(fd, file) };
      taken = false;
    } finally {
      if (!taken) closeSync(fd);
    }
  }
}

/** The last holder removes the file, so that locks of things long gone do not pile up. */
function release(fd: number, file: string): void {
  try {
    if (loadAddon().lock(fd, 'exclusive', true)) unlessErrno(['ENOENT'], () => unlinkSync(file));
  } finally {
    closeSync(fd);
  }
}

/** Removes the files of locks whose holders were killed. */
export function removeFreeLocks(paths: StorePaths): void {
  for (const name of readdirSync(paths.locks)) {
    const file = `${paths.locks}/${name}`;
    if (file === paths.sweepLock) continue;
    const fd = unlessErrno(['ENOENT'], () => openSync(file, 'r'));
    if (fd !== undefined) release(fd, file);
  }
}
