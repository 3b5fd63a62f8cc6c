import { ForgeError } from '../core/index.js';
import { SPECS } from './spec-table.js';
import { suggest } from './suggest.js';

/** The error for a word that is no command. */
export function unknownCommand(name: string): ForgeError {
  const near = suggest(
    name,
    SPECS.map((command) => command.name),
  );
  const question = near === undefined ? '' : ` (did you mean ${near}?)`;
  return new ForgeError('user/usage', `unknown command: ${name}${question}`, { hint: 'see forge help' });
}
