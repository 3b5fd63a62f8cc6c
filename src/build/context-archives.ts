import { join } from 'node:path';
import type { ContextArchives } from '../context/index.js';
import { detectArchive, extractArchive } from '../layer/index.js';
import { loadAddon } from '../native/index.js';

/** How received contexts are told from Buildfiles and unpacked; `directory` is for the decompressed archive. */
export function contextArchives(directory: string): ContextArchives {
  const addon = loadAddon();
  return {
    isArchive: async (file, signal) => (await detectArchive(addon, file, signal)) !== undefined,
    extract: async (file, destinationRoot, signal) => {
      const temporaryFile = join(directory, 'archive.tar');
      await extractArchive(addon, { file, destinationRoot, temporaryFile }, { signal });
    },
  };
}
