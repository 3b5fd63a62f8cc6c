import { ForgeError } from '../core/index.js';
import { renderMissing } from './render.js';
import type { Closure } from './types.js';

const SHOWN = 20;

/**
 * One error for all that a closure misses, with the chain that leads to each; undefined when
 * nothing is missing. Its code is `user/missing-library`.
 */
export function closureError({ missing }: Closure): ForgeError | undefined {
  const [first] = missing;
  if (first === undefined) return undefined;
  const shown = missing.slice(0, SHOWN).map(renderMissing);
  const more = missing.length > SHOWN ? [`and ${missing.length - SHOWN} more`] : [];
  const searched = first.searched.slice(0, SHOWN);
  const where = searched.length === 0 ? '' : `; looked for ${searched.join(', ')}`;
  return new ForgeError('user/missing-library', [...shown, ...more].join('\n'), {
    hint: `install what is missing in the source, or name it in --allow-missing=${first.name}${where}`,
  });
}
