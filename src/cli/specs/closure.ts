import type { CommandSpec } from '../option-spec.js';

export const closureSpec = {
  name: 'closure',
  summary: 'Show what programs need to run: libraries, loaders, interpreters',
  description:
    'Reads files and runs nothing. PROGRAM is an absolute path in the root, or a name that PATH finds there; a directory stands for all programs in it. Without --root, --image or --tarball the root is this machine’s. Ends with status 1 when something is missing.',
  operands: { synopsis: 'PROGRAM...', min: 1, completes: 'file' },
  options: [
    {
      name: 'root',
      kind: 'text',
      valueName: 'DIR',
      completes: 'directory',
      description: 'Look in the root file system at DIR',
    },
    {
      name: 'image',
      kind: 'text',
      valueName: 'IMAGE',
      completes: 'image',
      description: 'Look in an image of the store, with its environment',
    },
    {
      name: 'tarball',
      kind: 'text',
      valueName: 'FILE',
      completes: 'file',
      description: 'Look in an image archive, an OCI layout directory, or the tar of a root file system',
    },
    {
      name: 'with-data',
      kind: 'text',
      valueName: 'SET[,SET...]',
      isList: true,
      description: 'Also run-time data that no program file mentions, such as ca-certificates',
    },
    {
      name: 'lib-path',
      kind: 'text',
      valueName: 'DIR',
      isList: true,
      description: 'Also look for libraries in this directory of the root',
    },
    {
      name: 'allow-missing',
      kind: 'text',
      valueName: 'NAME',
      isList: true,
      description: 'The library NAME may be missing',
    },
    { name: 'json', kind: 'boolean', description: 'Print one JSON object' },
    { name: 'why', kind: 'text', valueName: 'PATH', description: 'Print only why PATH is needed' },
    {
      name: 'rules',
      kind: 'boolean',
      description: 'With --json: also the files that rules guess; the tree always marks them',
    },
    {
      name: 'copy-to',
      kind: 'text',
      valueName: 'DIR',
      completes: 'directory',
      description: 'Copy it all into DIR, new or empty: a root file system to run the programs in',
    },
  ],
  examples: [
    { command: 'forge closure curl', meaning: 'What curl of this machine needs' },
    {
      command: 'forge closure --image app --why /usr/lib/x86_64-linux-gnu/libz.so.1 /usr/bin/app',
      meaning: 'Who needs libz',
    },
    { command: 'forge closure --copy-to /srv/jail bash ls', meaning: 'Make a root to chroot into' },
  ],
} as const satisfies CommandSpec;
