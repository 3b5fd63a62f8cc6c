import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type Digest, ForgeError, isDigest, isNotFound } from '../core/index.js';
import { lineagePath, recordPath, type StorePaths } from './paths.js';
import { snapshotExists } from './snapshots.js';
import { inStage } from './stage.js';
import type { Tenant } from './tenant.js';
import type { CacheRecord, CacheResult, KeyPart, RecordStore } from './types.js';

export function createRecords(tenant: Tenant): RecordStore {
  const { paths } = tenant;
  return {
    get: (key) => inStage('reading a cache record', () => getRecord(tenant, key)),
    put: (record, lineage) => inStage('writing a cache record', () => putRecord(tenant, record, lineage)),
    nearest: (lineage) =>
      inStage('reading a cache record', () => {
        const key = readIfThere(lineagePath(paths, lineage));
        return key !== undefined && isDigest(key) ? readRecord(recordPath(paths, key)) : undefined;
      }),
    remove: (key) =>
      inStage('removing a cache record', () => {
        tenant.requireWritable('removing a cache record');
        rmSync(recordPath(paths, key), { force: true });
      }),
  };
}

async function getRecord(tenant: Tenant, key: Digest): Promise<CacheRecord | undefined> {
  const path = recordPath(tenant.paths, key);
  if (!(await tenant.touch(path))) return undefined;
  const record = readRecord(path);
  if (record?.key !== key) return undefined;
  const { result } = record;
  if (result.kind !== 'snapshot' || result.snapshot === undefined) return record;
  return (await snapshotExists(tenant, result.snapshot)) ? record : undefined;
}

async function putRecord(tenant: Tenant, record: CacheRecord, lineage: string | undefined): Promise<void> {
  tenant.requireWritable('writing a cache record');
  const { result } = record;
  if (result.kind === 'snapshot' && result.snapshot !== undefined) {
    if (!(await snapshotExists(tenant, result.snapshot))) {
      throw new ForgeError(
        'bug/record-before-snapshot',
        `no snapshot ${result.snapshot} for record ${record.key}`,
      );
    }
  }
  await tenant.replace(recordPath(tenant.paths, record.key), JSON.stringify(record), 'lazy');
  if (lineage !== undefined) await tenant.replace(lineagePath(tenant.paths, lineage), record.key, 'lazy');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * A record's file. Records are not synced to disk: one that a power failure left empty or cut is
 * as good as none.
 */
export function readRecord(path: string): CacheRecord | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Record<keyof CacheRecord, unknown>>;
    const { key, parts, createdMs, result } = value;
    if (typeof key !== 'string' || !isDigest(key) || typeof createdMs !== 'number') return undefined;
    if (!Array.isArray(parts) || !parts.every(isPart) || !isResult(result)) return undefined;
    return { key, parts, createdMs, result };
  } catch {
    return undefined;
  }
}

function isPart(value: unknown): value is KeyPart {
  const part = value as Partial<Record<keyof KeyPart, unknown>> | null;
  return typeof part?.name === 'string' && typeof part.value === 'string';
}

function isResult(value: unknown): value is CacheResult {
  const result = value as { kind?: unknown; key?: unknown; identity?: unknown; snapshot?: unknown } | null;
  if (result?.kind === 'alias') return typeof result.key === 'string' && isDigest(result.key);
  if (result?.kind !== 'snapshot' || typeof result.identity !== 'string') return false;
  return isDigest(result.identity) && ['string', 'undefined'].includes(typeof result.snapshot);
}

/** Removes the pointers to records that are gone. */
export function removeDeadLineages(paths: StorePaths): void {
  for (const shard of readdirSync(paths.lineages)) {
    for (const name of readdirSync(`${paths.lineages}/${shard}`)) {
      const file = `${paths.lineages}/${shard}/${name}`;
      const key = readIfThere(file) ?? '';
      if (!isDigest(key) || !existsSync(recordPath(paths, key))) rmSync(file, { force: true });
    }
  }
}
