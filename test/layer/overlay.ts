import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadAddon } from '../../src/native/index.js';

/** One layer of a stack on an overlay: where it is changed, and what its change is. */
export interface StackLayer {
  readonly upper: string;
  readonly merged: string;
  /** Nearest first. */
  readonly lowers: readonly string[];
}

/** Mounts the next layer above `lowers` (nearest first) below `directory`. */
export function mountLayer(directory: string, name: string, lowers: readonly string[]): StackLayer {
  const base = join(directory, name);
  const [upper, work, merged, empty] = ['upper', 'work', 'merged', 'empty'].map((part) => join(base, part));
  if (!upper || !work || !merged || !empty) throw new Error('unreachable');
  for (const path of [upper, work, merged, empty]) mkdirSync(path, { recursive: true });
  const stack = lowers.length > 0 ? lowers : [empty];
  loadAddon().mountOverlay({ base, lowers: stack, upper, work, target: merged, userXattr: false });
  return { upper, merged, lowers: stack };
}
