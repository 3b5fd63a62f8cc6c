import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ForgeError } from '../core/index.js';

/** The native program `prebuilt/linux-<arch>/forge`, beside whichever build of forge is running. */
export function sandboxProgram(): string {
  const name = join('prebuilt', `linux-${process.arch}`, 'forge');
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const file = join(directory, name);
    if (existsSync(file)) return file;
    if (directory === dirname(directory)) break;
  }
  throw new ForgeError('system/no-sandbox', `forge's native part is missing: no ${name}`, {
    hint: 'build it with `make -C native` (needs a C compiler), or reinstall the package',
  });
}
