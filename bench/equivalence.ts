import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** One line per file: type, mode, owner, size, content digest or link target; times do not count. */
function describeTree(directory: string): string {
  const find = ['.', '-printf', '%y %m %U:%G %p %l\\n'];
  const facts = execFileSync('find', find, { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 28 });
  const digests = execFileSync('sh', ['-c', 'find . -type f -print0 | sort -z | xargs -0 -r sha256sum'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return `${facts.split('\n').sort().join('\n')}\n${digests}`;
}

function unpack(archive: string, home: string, name: string): string {
  const layout = mkdtempSync(join(home, `layout-${name}-`));
  execFileSync('skopeo', ['copy', '-q', `oci-archive:${archive}`, `oci:${layout}:x`]);
  const bundle = join(home, `bundle-${name}`);
  rmSync(bundle, { recursive: true, force: true });
  execFileSync('umoci', ['unpack', '--image', `${layout}:x`, bundle], { stdio: 'ignore' });
  rmSync(layout, { recursive: true });
  return join(bundle, 'rootfs');
}

/** Throws when two archives do not hold the same files with the same modes, owners and contents. */
export function requireSameTrees(home: string, archives: ReadonlyMap<string, string>): void {
  let first: { readonly name: string; readonly tree: string } | undefined;
  for (const [name, archive] of archives) {
    const directory = unpack(archive, home, name);
    const tree = describeTree(directory);
    rmSync(join(directory, '..'), { recursive: true, force: true });
    if (first && first.tree !== tree) {
      const [a, b] = [first.tree.split('\n'), tree.split('\n')];
      const at = a.findIndex((line, index) => line !== b[index]);
      throw new Error(`${first.name} and ${name} built different trees: ${a[at]} | ${b[at]}`);
    }
    first ??= { name, tree };
  }
}
