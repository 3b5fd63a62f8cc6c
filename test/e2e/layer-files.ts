import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from '../fixtures/forge-command.js';
import { readTree, type TreeEntry } from '../layer/tree.js';

/** The layers of an OCI archive, bottom first, each unpacked by GNU tar as the plain archive it is. */
export async function layerFiles(
  directory: string,
  archive: string,
): Promise<readonly (readonly TreeEntry[])[]> {
  const layout = join(directory, 'layer-files');
  mkdirSync(layout);
  await output('tar', ['-xf', archive, '-C', layout]);
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8'));
  const blob = (digest: string) => `blobs/${digest.replace(':', '/')}`;
  const [{ digest }] = read('index.json').manifests;
  const layers: readonly { readonly digest: string }[] = read(blob(digest)).layers;
  const trees: (readonly TreeEntry[])[] = [];
  for (const [index, layer] of layers.entries()) {
    const tree = join(layout, `layer-${index}`);
    mkdirSync(tree);
    const keepAll = ['--numeric-owner', '--same-permissions', '--xattrs', '--xattrs-include=*'];
    await output('tar', [...keepAll, '-xf', join(layout, blob(layer.digest)), '-C', tree]);
    trees.push(readTree(tree));
  }
  return trees;
}
