import { splitPortSpec } from '../../buildfile/index.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

export const exposeInvalidFormat: LintRule = {
  name: 'ExposeInvalidFormat',
  description:
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
  url: referenceUrl('expose-invalid-format'),

  *find({ instructions }) {
    for (const { instruction, words } of instructions) {
      if (instruction.kind !== 'EXPOSE') continue;
      for (const port of words.flatMap((word) => word.words)) {
        const { address, hostPorts } = splitPortSpec(port);
        if (address === '' && hostPorts === '') continue;
        const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`;
        yield { message, source: instruction.source };
      }
    }
  },
};
