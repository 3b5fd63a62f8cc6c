import { mkdirSync, readdirSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import {
  type Closure,
  closureError,
  closureToJson,
  copyClosure,
  openRoot,
  type Program,
  renderTree,
  renderWhy,
  resolveClosure,
} from '../../closure/index.js';
import { ForgeError } from '../../core/index.js';
import { loadAddon } from '../../native/index.js';
import { neutralise } from '../../progress/index.js';
import { type ClosureRoot, withClosureRoot } from '../closure-root.js';
import { defineCommand } from '../command.js';
import type { CliContext } from '../context.js';
import { EXIT } from '../exit-code.js';
import type { OptionValues } from '../option-spec.js';
import { findProgram } from '../program-path.js';
import { closureSpec } from '../specs/closure.js';

type Values = OptionValues<typeof closureSpec>;

/** Text of an image must not steer the terminal; line ends are ours. */
const safe = (text: string) => text.split('\n').map(neutralise).join('\n');

function computed(values: Values, root: ClosureRoot, operands: readonly string[]): Closure {
  const files = openRoot(loadAddon(), root.directory);
  const programs = operands.map((operand): Program => ({ path: findProgram(files, operand, root.env) }));
  return resolveClosure(files, programs, {
    libPaths: values['lib-path'],
    allowMissing: values['allow-missing'],
    data: values['with-data'].flatMap((list) => list.split(',')).filter(Boolean),
    env: root.env,
    platform: root.platform,
  });
}

function why(closure: Closure, path: string): string {
  const answer = renderWhy(closure, posix.resolve('/', path));
  if (answer !== undefined) return answer;
  throw new ForgeError('user/not-in-closure', `${path} is not needed`, {
    hint: 'without --why, forge closure shows all that is',
  });
}

async function copyTo(closure: Closure, root: ClosureRoot, directory: string, context: CliContext) {
  const error = closureError(closure);
  if (error) throw error;
  mkdirSync(directory, { recursive: true });
  if (readdirSync(directory).length > 0) {
    throw new ForgeError('user/not-empty', `${directory} is not empty`, {
      hint: 'name a directory that is new or empty',
    });
  }
  const places = { addon: loadAddon(), sourceRoot: root.directory, targetRoot: directory };
  await copyClosure(places, closure, context.signal);
}

function text(closure: Closure, values: Values): string {
  if (values.why !== undefined) return safe(why(closure, values.why));
  if (!values.json) return safe(renderTree(closure));
  return JSON.stringify(closureToJson(closure, { rules: values.rules }), null, 2);
}

export const closureCommand = defineCommand(closureSpec, ({ values, operands }, context) => {
  const { root, image, tarball } = values;
  return withClosureRoot({ root, image, tarball }, context, async (opened) => {
    const closure = computed(values, opened, operands);
    const directory = values['copy-to'];
    if (directory !== undefined) await copyTo(closure, opened, resolve(context.cwd, directory), context);
    context.stdout.write(`${text(closure, values)}\n`);
    return closure.missing.length > 0 ? EXIT.failed : EXIT.done;
  });
});
