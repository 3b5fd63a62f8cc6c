import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** mulberry32: a small generator, so that every machine benches the same bytes. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Text that compresses about four to one, like source code. */
function sourceText(random: () => number, sizeBytes: number): string {
  const words =
    'const let function return if else for while new this export import from typeof null true false'.split(
      ' ',
    );
  const own = Array.from({ length: 400 }, () => Math.floor(random() * 36 ** 6).toString(36));
  let text = '';
  while (text.length < sizeBytes) {
    text += `${random() < 0.5 ? words[Math.floor(random() * words.length)] : own[Math.floor(random() ** 2 * own.length)]} `;
  }
  return text.slice(0, sizeBytes);
}

const MTIME_SECONDS = 1_700_000_000;

/** Writes `count` small files in directories of seven, median 1.5 KB, like a node_modules. */
export function makeSmallFiles(directory: string, count: number): void {
  const random = generator(7);
  const pool = sourceText(random, 1 << 20);
  for (let index = 0; index < count; index++) {
    const parent = join(directory, `package-${Math.floor(index / 70)}`, `part-${Math.floor(index / 7) % 10}`);
    if (index % 7 === 0) mkdirSync(parent, { recursive: true });
    const size = Math.floor(200 + 1300 * -Math.log(1 - random() * 0.9999) * (random() < 0.05 ? 20 : 1));
    const start = Math.floor(random() * (pool.length - size - 1));
    const file = join(parent, `file-${index}.js`);
    writeFileSync(file, pool.slice(start, start + size));
    utimesSync(file, MTIME_SECONDS, MTIME_SECONDS);
  }
}

/** A root file system with busybox and its applets, from Debian's busybox-static. */
export function makeBusyboxRoot(directory: string): void {
  // Mount points too, as every real image has them: some builders leave those they miss in the layer.
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp']) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  for (const name of ['hostname', 'hosts', 'resolv.conf']) writeFileSync(join(directory, 'etc', name), '');
  execFileSync('cp', ['/bin/busybox', join(directory, 'bin/busybox')]);
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) {
    if (applet !== 'busybox') execFileSync('ln', ['-sf', 'busybox', join(directory, 'bin', applet)]);
  }
  writeFileSync(join(directory, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\n');
}
