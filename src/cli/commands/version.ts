import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { packageVersion } from '../package-version.js';
import { versionSpec } from '../specs/version.js';

export const versionCommand = defineCommand(versionSpec, async ({ values }, context) => {
  const facts = { version: packageVersion(), node: process.versions.node, os: 'linux', arch: process.arch };
  const text = `forge ${facts.version} (node ${facts.node}, ${facts.os}/${facts.arch})`;
  context.stdout.write(`${values.format === 'json' ? JSON.stringify(facts) : text}\n`);
  return EXIT.done;
});
