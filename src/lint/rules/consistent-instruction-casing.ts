import type { Buildfile, PlacedNode } from '../../buildfile/index.js';
import { nodeRange } from '../node-range.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

const isLower = (name: string) => name === name.toLowerCase();
const isUpper = (name: string) => name === name.toUpperCase();

/** ARGs before the first FROM belong to no stage and do not count. */
function stageNodes({ nodes }: Buildfile): readonly PlacedNode[] {
  return nodes.slice(nodes.findIndex(({ name }) => name.toLowerCase() === 'from'));
}

export const consistentInstructionCasing: LintRule = {
  name: 'ConsistentInstructionCasing',
  description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
  url: referenceUrl('consistent-instruction-casing'),

  *find({ buildfile, parsed }) {
    if (!parsed) return;
    const nodes = stageNodes(buildfile);
    const lower = nodes.filter(({ name }) => isLower(name)).length;
    const upper = nodes.filter(({ name }) => isUpper(name) && !isLower(name)).length;
    const [fits, majority] =
      lower > upper ? ([isLower, 'lowercase'] as const) : ([isUpper, 'uppercase'] as const);
    for (const node of nodes) {
      if (fits(node.name)) continue;
      const message = `Command '${node.name}' should match the case of the command majority (${majority})`;
      yield { message, source: nodeRange(buildfile, node) };
    }
  },
};
