import { readFile } from 'node:fs/promises';
import { isNotFound } from '../core/index.js';
import type { BoxMount } from './types.js';

function file(target: string, text: string): BoxMount {
  return { kind: 'data', target, content: Buffer.from(text), mode: 0o644, uid: 0, gid: 0 };
}

/** /etc/hosts of a box: loopback names, its own, and `host → address` pairs on top. */
export function hostsFile(
  hostname: string,
  extra: readonly (readonly [host: string, address: string])[],
): BoxMount {
  const fixed = [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    `127.0.0.1\t${hostname}`,
  ];
  return file(
    '/etc/hosts',
    `${[...fixed, ...extra.map(([host, address]) => `${address}\t${host}`)].join('\n')}\n`,
  );
}

/** /etc/resolv.conf of a box: the machine's own, or nothing when it has none. */
export async function resolvConfFile(): Promise<BoxMount> {
  try {
    return file('/etc/resolv.conf', await readFile('/etc/resolv.conf', 'utf8'));
  } catch (error) {
    if (isNotFound(error)) return file('/etc/resolv.conf', '');
    throw error;
  }
}
