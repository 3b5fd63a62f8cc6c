import { defineCommand } from '../command.js';
import { allSpecs, COMMANDS } from '../command-table.js';
import { EXIT } from '../exit-code.js';
import { commandHelp, overview } from '../help-text.js';
import { helpSpec } from '../specs/help.js';
import { unknownCommand } from '../unknown-command.js';

export const helpCommand = defineCommand(helpSpec, async ({ operands: [name] }, context) => {
  if (name === undefined) {
    context.stdout.write(overview(await allSpecs()));
    return EXIT.done;
  }
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry === undefined) throw unknownCommand(name);
  context.stdout.write(commandHelp(await entry.spec()));
  return EXIT.done;
});
