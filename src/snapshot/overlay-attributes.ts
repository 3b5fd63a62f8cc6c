import { loadAddon } from '../native/index.js';
import { inInitialUserNamespace } from '../store/index.js';

/**
 * True inside a user namespace: there OverlayFS is mounted with `userxattr` and keeps its marks in
 * `user.overlay.*`, as `trusted.overlay.*` belongs to the machine's root.
 */
export function usesUserXattr(): boolean {
  return !inInitialUserNamespace();
}

/** True for xattrs that are OverlayFS's own bookkeeping, not content. */
export function isOverlayXattr(name: string): boolean {
  return name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}

/** True when a directory of a layer hides what the layers below have at the same path. */
export function isOpaque(directory: string): boolean {
  const name = usesUserXattr() ? 'user.overlay.opaque' : 'trusted.overlay.opaque';
  return loadAddon().getXattr(directory, name)?.toString('latin1') === 'y';
}
