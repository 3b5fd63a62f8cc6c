import type { Copying } from './types.js';

/** Unpacks a local archive into the step's destination; false when the file is none. */
export async function unpackArchive(_copying: Copying, _file: string): Promise<boolean> {
  return false;
}
