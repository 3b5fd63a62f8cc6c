import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Digest } from '../core/index.js';
import { decodeIndex, decodeManifest, maxManifestBytes } from '../oci/index.js';
import { unlessErrno } from './stage.js';

/** What a blob points to if it is a manifest or an index; nothing for all other blobs. */
export function imageChildren(blob: {
  readonly path: string;
  readonly sizeBytes: number;
}): readonly Digest[] {
  if (blob.sizeBytes > maxManifestBytes || !startsLikeJson(blob.path)) return [];
  const bytes = unlessErrno(['ENOENT'], () => readFileSync(blob.path));
  if (!bytes) return [];
  return manifestChildren(bytes) ?? indexChildren(bytes) ?? [];
}

function startsLikeJson(path: string): boolean {
  const fd = unlessErrno(['ENOENT'], () => openSync(path, 'r'));
  if (fd === undefined) return false;
  try {
    const first = Buffer.alloc(1);
    return readSync(fd, first, 0, 1, 0) === 1 && first[0] === 0x7b;
  } finally {
    closeSync(fd);
  }
}

function manifestChildren(bytes: Buffer): readonly Digest[] | undefined {
  try {
    const { config, layers } = decodeManifest(bytes);
    return [config.digest, ...layers.map(({ digest }) => digest)];
  } catch {
    // No manifest: then it points to nothing that needs keeping.
    return undefined;
  }
}

function indexChildren(bytes: Buffer): readonly Digest[] | undefined {
  try {
    return decodeIndex(bytes).manifests.map(({ digest }) => digest);
  } catch {
    return undefined;
  }
}
