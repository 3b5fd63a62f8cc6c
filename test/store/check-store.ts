import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../src/core/index.js';
import { decodeIndex, decodeLayout, decodeManifest } from '../../src/oci/index.js';

/** Everything that is wrong with a store: an empty list for a valid one. */
export function checkStore(root: string): readonly string[] {
  const faults: string[] = [];
  const fault = (problem: string) => faults.push(problem);
  decodeLayout(readFileSync(join(root, 'oci-layout')));
  for (const hex of readdirSync(join(root, 'blobs/sha256'))) {
    const path = join(root, 'blobs/sha256', hex);
    if (digestOf(readFileSync(path)) !== `sha256:${hex}`) fault(`blob ${hex} is damaged`);
  }
  const blob = (digest: string) => join(root, 'blobs/sha256', digest.slice(7));
  for (const { digest, size } of decodeIndex(readFileSync(join(root, 'index.json'))).manifests) {
    if (!existsSync(blob(digest)) || statSync(blob(digest)).size !== size) {
      fault(`the named manifest ${digest} is missing`);
      continue;
    }
    const { config, layers } = decodeManifest(readFileSync(blob(digest)));
    for (const part of [config, ...layers]) {
      if (!existsSync(blob(part.digest))) fault(`blob ${part.digest} of ${digest} is missing`);
    }
  }
  const snapshots = new Set(readdirSync(join(root, 'snapshots')));
  for (const id of snapshots) {
    const files = readdirSync(join(root, 'snapshots', id, 'sub'));
    if (files.length !== 20) fault(`snapshot ${id} has ${files.length} files`);
    if (!existsSync(join(root, 'facts', id))) fault(`snapshot ${id} has no facts`);
  }
  for (const shard of readdirSync(join(root, 'records'))) {
    for (const name of readdirSync(join(root, 'records', shard))) {
      const record = JSON.parse(readFileSync(join(root, 'records', shard, name), 'utf8'));
      if (record.key !== `sha256:${name}`) fault(`record ${name} is another one's`);
      if (!snapshots.has(record.result.snapshot)) fault(`record ${name} has no snapshot`);
    }
  }
  return faults;
}
