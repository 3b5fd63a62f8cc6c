import { resolve } from 'node:path';
import type { RunRequest } from '../../build/index.js';
import { ForgeError } from '../../core/index.js';
import { parseBytes } from '../option-value.js';

/** `-v HOST:DIR[:ro|rw]`. There are no named volumes: HOST is a path, absolute or `./…`. */
export function parseVolume(text: string, cwd: string): RunRequest['volumes'][number] {
  const [source = '', target = '', mode = 'rw', ...more] = text.split(':');
  const invalid = (why: string) =>
    new ForgeError('user/usage', `invalid volume ${JSON.stringify(text)}: ${why}`);
  if (target === '' || more.length > 0) throw invalid('write it as HOST:DIR or HOST:DIR:ro');
  if (!/^[./~]/.test(source)) throw invalid(`there are no named volumes; did you mean ./${source}?`);
  if (!target.startsWith('/')) throw invalid(`${target} is not an absolute path`);
  if (mode !== 'ro' && mode !== 'rw') throw invalid(`unknown mode ${mode}; it is ro or rw`);
  return { source: resolve(cwd, source), target, readonly: mode === 'ro' };
}

/** `--tmpfs DIR[:size=SIZE,mode=OCTAL]`. */
export function parseTmpfs(text: string): RunRequest['tmpfs'][number] {
  const colon = text.indexOf(':');
  const target = colon < 0 ? text : text.slice(0, colon);
  const invalid = (why: string) =>
    new ForgeError('user/usage', `invalid tmpfs ${JSON.stringify(text)}: ${why}`);
  if (!target.startsWith('/')) throw invalid('its directory is not an absolute path');
  const parsed: { target: string; sizeBytes?: number; mode?: number } = { target };
  for (const option of colon < 0 ? [] : text.slice(colon + 1).split(',')) {
    const [key, value = ''] = option.split('=');
    const sizeBytes = key === 'size' ? parseBytes(value) : undefined;
    if (sizeBytes !== undefined) parsed.sizeBytes = sizeBytes;
    else if (key === 'mode' && /^[0-7]{3,4}$/.test(value)) parsed.mode = Number.parseInt(value, 8);
    else throw invalid(`${option} is neither size=SIZE nor mode=OCTAL`);
  }
  return parsed;
}
