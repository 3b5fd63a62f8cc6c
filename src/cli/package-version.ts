import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version in the package.json of the package that this module was installed with. */
export function packageVersion(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    try {
      const text = readFileSync(join(directory, 'package.json'), 'utf8');
      const { version } = JSON.parse(text) as { readonly version?: string };
      return version ?? 'unknown';
    } catch (error) {
      if (directory === dirname(directory)) throw error;
    }
  }
}
