import { ForgeError } from '../../core/index.js';
import { defineCommand } from '../command.js';
import { COMPLETION_SCRIPTS } from '../completion-script.js';
import { EXIT } from '../exit-code.js';
import { completionSpec, SHELLS } from '../specs/completion.js';

export const completionCommand = defineCommand(completionSpec, async ({ operands: [name] }, context) => {
  const shell = SHELLS.find((candidate) => candidate === name);
  if (shell === undefined) {
    throw new ForgeError('user/usage', `no completion for the shell ${name}`, {
      hint: `there is one for ${SHELLS.join(', ')}`,
    });
  }
  context.stdout.write(COMPLETION_SCRIPTS[shell]);
  return EXIT.done;
});
