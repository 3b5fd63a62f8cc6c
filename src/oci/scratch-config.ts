import type { Platform } from '../core/index.js';
import type { ContainerConfig } from './types.js';

/** What a container finds its programs with when its image does not say. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The configuration that `FROM scratch` starts from, as BuildKit has it. */
export function scratchConfig(platform: Platform): ContainerConfig {
  if (platform.os === 'windows') return { WorkingDir: '\\' };
  return { Env: [`PATH=${DEFAULT_PATH}`], WorkingDir: '/' };
}
