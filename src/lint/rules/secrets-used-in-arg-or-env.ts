import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

const SECRET = /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const HARMLESS = /(?:^|_)(?:public|file|version)(?:_|$)/i;

const isSecret = (name: string) => SECRET.test(name) && !HARMLESS.test(name);

export const secretsUsedInArgOrEnv: LintRule = {
  name: 'SecretsUsedInArgOrEnv',
  description: 'Sensitive data should not be used in the ARG or ENV commands',
  url: referenceUrl('secrets-used-in-arg-or-env'),

  *find({ instructions }) {
    for (const { instruction } of instructions) {
      const { kind, source } = instruction;
      if (kind !== 'ARG' && kind !== 'ENV') continue;
      const names = (kind === 'ARG' ? instruction.args : instruction.pairs).map(({ key }) => key);
      for (const name of names) {
        if (!isSecret(name)) continue;
        const message = `Do not use ARG or ENV instructions for sensitive data (${kind} ${JSON.stringify(name)})`;
        yield { message, source };
      }
    }
  },
};
