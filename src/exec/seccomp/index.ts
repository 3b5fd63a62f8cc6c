import { ForgeError } from '../../core/index.js';
import { compileProfile } from './compile.js';
import { DEFAULT_PROFILE } from './profile.js';

const compiled = new Map<string, Uint8Array>();

/** The seccomp program of the default profile for a set of capabilities; compiled once for each set. */
export function defaultFilter(capabilities: readonly string[]): Uint8Array {
  const { arch } = process;
  if (arch !== 'x64' && arch !== 'arm64') {
    throw new ForgeError('system/architecture', `no seccomp profile for ${arch} machines`);
  }
  const key = [...capabilities].sort().join(' ');
  const filter = compiled.get(key) ?? compileProfile(DEFAULT_PROFILE, arch, capabilities);
  compiled.set(key, filter);
  return filter;
}
