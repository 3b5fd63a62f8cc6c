import { PROGRESS_MODES } from '../../progress/index.js';
import type { CommandSpec } from '../option-spec.js';
import { LIMITS, ROOT } from './shared.js';

export const buildSpec = {
  name: 'build',
  summary: 'Build an image from a Buildfile or Dockerfile',
  description: `PATH is the build context (by default the current directory); - reads a tar archive or a lone Buildfile from standard input. In PATH, forge takes Buildfile, then Dockerfile, then Containerfile.
Without --output the image goes to the local store. An output is a FILE.tar (an OCI archive), another path (a directory that gets the files of the image), - (a tar of the files to standard output), or type=oci|docker|local|tar|image,dest=PATH.`,
  operands: { synopsis: '[PATH | -]', min: 0, max: 1, completes: 'directory' },
  options: [
    {
      name: 'file',
      short: 'f',
      kind: 'text',
      valueName: 'FILE',
      completes: 'file',
      description: 'The Buildfile; - reads it from standard input',
    },
    {
      name: 'tag',
      short: 't',
      kind: 'text',
      valueName: 'NAME[:TAG]',
      isList: true,
      completes: 'image',
      description: 'Name of the image',
    },
    {
      name: 'output',
      short: 'o',
      kind: 'text',
      valueName: 'DEST',
      isList: true,
      completes: 'file',
      description: 'Where the result goes (see above)',
    },
    {
      name: 'target',
      kind: 'text',
      valueName: 'STAGE',
      description: 'Stage to build; the last one by default',
    },
    {
      name: 'build-arg',
      kind: 'text',
      valueName: 'NAME[=VALUE]',
      isList: true,
      description: 'Value of an ARG; without a value, from the environment',
    },
    {
      name: 'label',
      kind: 'text',
      valueName: 'NAME[=VALUE]',
      isList: true,
      description: 'Label of the image',
    },
    {
      name: 'build-context',
      kind: 'text',
      valueName: 'NAME=SOURCE',
      isList: true,
      description:
        'What FROM NAME and COPY --from=NAME mean: a directory, oci-archive:FILE, oci-layout://DIR[:TAG], docker-archive:FILE, docker-image://NAME',
    },
    {
      name: 'secret',
      kind: 'text',
      valueName: 'id=ID[,src=FILE|,env=NAME]',
      isList: true,
      description: 'Secret for RUN --mount=type=secret',
    },
    {
      name: 'allow',
      kind: 'text',
      valueName: 'WHAT',
      isList: true,
      description:
        'What the Buildfile may reach beyond its context: host (files of this machine, COPY --from=host), network.host, security.insecure',
    },
    {
      name: 'platform',
      kind: 'text',
      valueName: 'OS/ARCH[,...]',
      isList: true,
      description: 'Platforms to build for',
    },
    { name: 'no-cache', kind: 'boolean', description: 'Run every step, whatever the cache has' },
    {
      name: 'no-cache-filter',
      kind: 'text',
      valueName: 'STAGE[,...]',
      isList: true,
      description: 'Stages whose steps are all run, whatever the cache has',
    },
    {
      name: 'network',
      kind: 'choice',
      choices: ['default', 'none', 'host'],
      noun: 'network mode',
      default: 'default',
      description: 'Network of RUN steps',
    },
    {
      name: 'add-host',
      kind: 'text',
      valueName: 'HOST:IP',
      isList: true,
      description: 'Line for /etc/hosts in RUN steps',
    },
    ...LIMITS,
    {
      name: 'jobs',
      kind: 'integer',
      valueName: 'N',
      description: 'Steps that run at the same time',
    },
    {
      name: 'progress',
      kind: 'choice',
      choices: PROGRESS_MODES,
      noun: 'progress mode',
      default: 'auto',
      description: 'How to show what happens: auto is tty on a terminal, else plain',
    },
    {
      name: 'quiet',
      short: 'q',
      kind: 'boolean',
      description: 'The same as --progress quiet: print the image id alone',
    },
    {
      name: 'iidfile',
      kind: 'text',
      valueName: 'FILE',
      completes: 'file',
      description: 'Write the image id to FILE',
    },
    {
      name: 'metadata-file',
      kind: 'text',
      valueName: 'FILE',
      completes: 'file',
      description: 'Write digests and names to FILE, as JSON',
    },
    ROOT,
  ],
  examples: [
    {
      command: 'forge build -t app .',
      meaning: 'Build ./Buildfile (or ./Dockerfile) and keep the image as app:latest',
    },
    { command: 'forge build -o app.tar .', meaning: 'Write an OCI archive' },
    {
      command: 'forge build -o type=local,dest=out --target assets .',
      meaning: 'Take the files of a stage out',
    },
    {
      command: 'forge build --build-context base=oci-archive:debian.tar -t app .',
      meaning: 'FROM base is the image in debian.tar',
    },
    { command: 'forge build --secret id=npm,src=$HOME/.npmrc -t app .', meaning: 'Hand in a secret' },
  ],
} as const satisfies CommandSpec;
