import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ForgeError } from '../core/index.js';
import type { NativeAddon } from './types.js';

const PLATFORM_DIRECTORY = `prebuilt/linux-${process.arch}`;

/**
 * Path of a native artefact (`forge.node`, `forge`) of this package for this machine: in the
 * nearest directory above this module that has it. `system/native-missing` when there is none.
 */
export function nativePath(name: string): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(directory, PLATFORM_DIRECTORY, name);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(directory);
    if (parent === directory) break;
    directory = parent;
  }
  throw new ForgeError(
    'system/native-missing',
    `forge's native part is missing: ${PLATFORM_DIRECTORY}/${name}`,
    {
      hint: `run "npm run build:native" in the clone, or install a package that has binaries for ${process.arch}`,
    },
  );
}

let loaded: NativeAddon | undefined;

/** Loads the addon, once per process. */
export function loadAddon(): NativeAddon {
  if (loaded) return loaded;
  const module = { exports: {} };
  process.dlopen(module, nativePath('forge.node'));
  loaded = module.exports as NativeAddon;
  return loaded;
}
