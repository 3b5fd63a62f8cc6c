import { isIP } from 'node:net';
import { ForgeError } from '../../core/index.js';

/** `--add-host HOST:IP`, `HOST=IP`, an IPv6 address with or without brackets. */
export function parseHost(text: string): readonly [host: string, address: string] {
  const [, host = '', rest = ''] = /^([^=:]+)[=:](.+)$/.exec(text) ?? [];
  const address = /^\[.*\]$/.test(rest) ? rest.slice(1, -1) : rest;
  if (host === '' || isIP(address) === 0) {
    throw new ForgeError('user/usage', `invalid host ${text}`, { hint: 'write it as name:address' });
  }
  return [host, address];
}
