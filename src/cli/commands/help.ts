import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { commandHelp, overview } from '../help-text.js';
import { allSpecs, findSpec } from '../spec-table.js';
import { helpSpec } from '../specs/help.js';
import { unknownCommand } from '../unknown-command.js';

export const helpCommand = defineCommand(helpSpec, async ({ operands: [name] }, context) => {
  if (name === undefined) {
    context.stdout.write(overview(await allSpecs()));
    return EXIT.done;
  }
  const entry = findSpec(name);
  if (entry === undefined) throw unknownCommand(name);
  context.stdout.write(commandHelp(await entry.load()));
  return EXIT.done;
});
