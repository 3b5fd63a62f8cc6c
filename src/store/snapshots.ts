import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { isNotFound, parseDigest } from '../core/index.js';
import { decodeDescriptor } from '../oci/index.js';
import type { StorePaths } from './paths.js';
import { errnoOf, inStage } from './stage.js';
import type { Tenant } from './tenant.js';
import type { PackedLayer, SnapshotId, SnapshotStore } from './types.js';

/** Five hundred of them, with a colon each, must fit into the 4,096 bytes of mount options. */
const ID_LENGTH = 6;
const ID = /^[0-9a-z]{1,8}$/;
const USAGE = 'usage';

export function createSnapshots(tenant: Tenant): SnapshotStore {
  const { paths } = tenant;
  return {
    directory: paths.snapshots,
    path: (id) => snapshotPath(paths, id),
    exists: (id) => inStage('looking for a snapshot', () => snapshotExists(tenant, id)),
    commit: (upper, usageBytes) => inStage('storing a snapshot', () => commit(tenant, upper, usageBytes)),
    setLayer: (id, variant, layer) =>
      inStage('storing what a snapshot was packed to', async () => {
        tenant.requireWritable('storing what a snapshot was packed to');
        await tenant.replace(layerPath(paths, id, variant), JSON.stringify(layer), 'lazy');
        await tenant.guarded(() => tenant.mark(factsPath(paths, id)));
      }),
    layer: (id, variant) => inStage('looking for a packed layer', () => findLayer(tenant, id, variant)),
  };
}

function snapshotPath(paths: StorePaths, id: SnapshotId): string {
  return `${paths.snapshots}/${checkedId(id)}`;
}

function factsPath(paths: StorePaths, id: SnapshotId): string {
  return `${paths.facts}/${checkedId(id)}`;
}

function checkedId(id: SnapshotId): SnapshotId {
  if (ID.test(id)) return id;
  throw new Error(`not a snapshot id: ${JSON.stringify(id)}`);
}

function layerPath(paths: StorePaths, id: SnapshotId, variant: string): string {
  return `${factsPath(paths, id)}/${encodeURIComponent(variant)}.json`;
}

/** The usage that was given when the snapshot was committed, in bytes. */
export function knownUsage(paths: StorePaths, id: SnapshotId): number | undefined {
  try {
    const bytes = Number(readFileSync(`${factsPath(paths, id)}/${USAGE}`, 'utf8'));
    return Number.isSafeInteger(bytes) ? bytes : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export async function snapshotExists(tenant: Tenant, id: SnapshotId): Promise<boolean> {
  if (!ID.test(id) || !existsSync(snapshotPath(tenant.paths, id))) return false;
  return tenant.touch(factsPath(tenant.paths, id));
}

async function commit(tenant: Tenant, upper: string, usageBytes: number | undefined): Promise<SnapshotId> {
  tenant.requireWritable('storing a snapshot');
  for (;;) {
    const id = randomInt(36 ** ID_LENGTH)
      .toString(36)
      .padStart(ID_LENGTH, '0');
    if (await tenant.guarded(() => commitAs(tenant, id, upper, usageBytes))) return id;
  }
}

/** False when the id is taken. The directory of facts reserves it: rename would replace an empty snapshot. */
function commitAs(tenant: Tenant, id: SnapshotId, upper: string, usageBytes: number | undefined): boolean {
  const facts = factsPath(tenant.paths, id);
  try {
    mkdirSync(facts, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    if (usageBytes !== undefined) writeFileSync(`${facts}/${USAGE}`, String(usageBytes));
    tenant.mark(facts);
    renameSync(upper, snapshotPath(tenant.paths, id));
    return true;
  } catch (error) {
    rmSync(`${facts}/${USAGE}`, { force: true });
    rmdirSync(facts);
    throw error;
  }
}

async function findLayer(tenant: Tenant, id: SnapshotId, variant: string): Promise<PackedLayer | undefined> {
  const layer = readLayer(layerPath(tenant.paths, id, variant));
  if (!layer || !(await tenant.touch(`${tenant.paths.blobs}/${layer.descriptor.digest.slice(7)}`)))
    return undefined;
  return layer;
}

/** A packed layer's file; undefined when there is none or a crash left it half on disk. */
export function readLayer(file: string): PackedLayer | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as { diffId: string; descriptor: unknown };
    return {
      diffId: parseDigest(value.diffId),
      descriptor: decodeDescriptor(JSON.stringify(value.descriptor)),
    };
  } catch (error) {
    if (errnoOf(error) === undefined || isNotFound(error)) return undefined;
    throw error;
  }
}
