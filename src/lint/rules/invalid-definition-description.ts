import type { Buildfile } from '../../buildfile/index.js';
import { nodeRange } from '../node-range.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

/** The names that each ARG and each FROM defines, by the line where it begins. */
function* definitions({ metaArgs, stages }: Buildfile): Generator<[number, readonly string[]]> {
  const args = [...metaArgs, ...stages.flatMap(({ instructions }) => instructions)];
  for (const instruction of args) {
    if (instruction.kind === 'ARG')
      yield [instruction.source.startLine, instruction.args.map(({ key }) => key)];
  }
  for (const { name, source } of stages) yield [source.startLine, name === undefined ? [] : [name]];
}

export const invalidDefinitionDescription: LintRule = {
  name: 'InvalidDefinitionDescription',
  description:
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
  url: referenceUrl('invalid-definition-description'),
  experimental: true,
  *find({ buildfile }) {
    const parsed = new Map(definitions(buildfile));
    for (const node of buildfile.nodes) {
      const names = parsed.get(node.startLine);
      const comment = node.comments.at(-1);
      if (names === undefined || names.length === 0 || comment === undefined) continue;
      if (names.includes(comment.split(' ')[0] ?? '')) continue;
      const example = names.length > 1 ? '<arg_key>' : names[0];
      const message = `Comment for ${node.name.toUpperCase()} should follow the format: \`# ${example} <description>\``;
      yield { message, source: nodeRange(buildfile, node) };
    }
  },
};
