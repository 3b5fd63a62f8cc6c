import { splitPortSpec } from '../../buildfile/index.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

export const exposeProtoCasing: LintRule = {
  name: 'ExposeProtoCasing',
  description: 'Protocol in EXPOSE instruction should be lowercase',
  url: referenceUrl('expose-proto-casing'),

  *find({ instructions }) {
    for (const { instruction, words } of instructions) {
      if (instruction.kind !== 'EXPOSE') continue;
      for (const port of words.flatMap((word) => word.words)) {
        const { writtenProtocol } = splitPortSpec(port);
        if (writtenProtocol === writtenProtocol.toLowerCase()) continue;
        const message = `Defined protocol '${port}' in EXPOSE instruction should be lowercase`;
        yield { message, source: instruction.source };
      }
    }
  },
};
