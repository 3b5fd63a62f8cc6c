// The main job on a real example: build examples/hello, write hello.tar, run the image from that
// archive.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const FORGE = join(ROOT, 'bin/forge');

function forge(...argv) {
  console.error(`\n$ forge ${argv.join(' ')}`);
  const { status, error } = spawnSync(FORGE, argv, { cwd: ROOT, stdio: 'inherit' });
  if (error !== undefined) console.error(error.message);
  if (status !== 0) process.exit(status ?? 1);
}

forge('build', '--allow', 'host', '-t', 'hello', '-o', 'hello.tar', 'examples/hello');
console.error(`hello.tar: ${(statSync(join(ROOT, 'hello.tar')).size / 1e6).toFixed(1)} MB`);
forge('run', '--rm', 'hello.tar');
