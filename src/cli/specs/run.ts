import type { CommandSpec } from '../option-spec.js';
import { LIMITS, ROOT } from './shared.js';

export const runSpec = {
  name: 'run',
  summary: 'Run a command in a new container of an image',
  description: `IMAGE is a name or id in the store, an archive (image.tar) or an OCI layout directory. The container and what it changed are removed when the command ends; volumes stay.
forge ends with the command's exit code; 125 when forge itself failed, 126 when the command cannot be executed, 127 when it is not there. Signals are passed on.`,
  operands: { synopsis: 'IMAGE [COMMAND [ARG...]]', min: 1, completes: 'image' },
  stopsAtOperand: true,
  options: [
    { name: 'interactive', short: 'i', kind: 'boolean', description: 'Connect standard input' },
    { name: 'tty', short: 't', kind: 'boolean', description: 'Give the command a terminal' },
    {
      name: 'rm',
      kind: 'boolean',
      description: 'Remove the container when it ends: forge always does, docker needs to be told',
    },
    { name: 'name', kind: 'text', valueName: 'NAME', description: 'Name of the container' },
    {
      name: 'env',
      short: 'e',
      kind: 'text',
      valueName: 'NAME[=VALUE]',
      isList: true,
      description: 'Environment variable; without a value, from the environment',
    },
    {
      name: 'volume',
      short: 'v',
      kind: 'text',
      valueName: 'HOST:DIR[:ro]',
      isList: true,
      completes: 'directory',
      description: 'Mount a path of this machine into the container',
    },
    { name: 'workdir', short: 'w', kind: 'text', valueName: 'DIR', description: 'Working directory' },
    {
      name: 'user',
      short: 'u',
      kind: 'text',
      valueName: 'USER[:GROUP]',
      description: 'User, by name or number',
    },
    {
      name: 'entrypoint',
      kind: 'text',
      valueName: 'COMMAND',
      description: "Instead of the image's entrypoint",
    },
    { name: 'hostname', short: 'h', kind: 'text', valueName: 'NAME', description: 'Host name' },
    { name: 'read-only', kind: 'boolean', description: 'Make the root file system read-only' },
    {
      name: 'tmpfs',
      kind: 'text',
      valueName: 'DIR[:size=SIZE,mode=MODE]',
      isList: true,
      description: 'Mount a tmpfs',
    },
    {
      name: 'network',
      kind: 'choice',
      choices: ['none', 'host'],
      noun: 'network mode',
      default: 'host',
      description: 'Network of the container',
    },
    ...LIMITS,
    {
      name: 'init',
      kind: 'boolean',
      description: 'Run a tiny init as pid 1, which reaps and passes signals on',
    },
    ROOT,
  ],
  examples: [
    { command: 'forge run --rm -it app sh', meaning: 'A shell in the image app' },
    { command: 'forge run app.tar', meaning: 'Run an image from its archive' },
    {
      command: 'forge run -v "$PWD:/src" -w /src -m 512m gcc make',
      meaning: 'Build the current directory with the image gcc',
    },
  ],
} as const satisfies CommandSpec;
