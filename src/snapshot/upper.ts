import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import { loadAddon } from '../native/index.js';
import { isOverlayXattr } from './overlay-attributes.js';

/**
 * Makes a fresh upper directory. The merged `/` takes its attributes from it, so it gets the mode,
 * owner, xattrs and times of `lowerRoot`, the nearest layer's root; without layers 0755, 0:0.
 */
export function makeUpper(path: string, lowerRoot: string | undefined): void {
  mkdirSync(path, { mode: 0o755 });
  if (lowerRoot === undefined) {
    chmodSync(path, 0o755);
    return;
  }
  const { listXattrs, getXattr, setXattr, copyTimes } = loadAddon();
  const { uid, gid, mode } = lstatSync(lowerRoot);
  chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
  for (const name of listXattrs(lowerRoot)) {
    const value = isOverlayXattr(name) ? undefined : getXattr(lowerRoot, name);
    if (value !== undefined) setXattr(path, name, value);
  }
  copyTimes(lowerRoot, path);
}
