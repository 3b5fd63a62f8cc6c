/** Every command that touches images has it. */
export const ROOT = {
  name: 'root',
  kind: 'text',
  valueName: 'DIR',
  completes: 'directory',
  description: 'Directory that images and the cache are kept in (else FORGE_ROOT)',
} as const;

export const LIMITS = [
  {
    name: 'memory',
    short: 'm',
    kind: 'bytes',
    valueName: 'SIZE',
    description: 'Memory limit of each container, such as 512m',
  },
  {
    name: 'cpus',
    kind: 'number',
    valueName: 'N',
    description: 'CPUs that each container may use, such as 1.5',
  },
  {
    name: 'pids-limit',
    kind: 'integer',
    valueName: 'N',
    description: 'Processes and threads that each container may have',
  },
  {
    name: 'shm-size',
    kind: 'bytes',
    valueName: 'SIZE',
    description: 'Size of /dev/shm',
  },
  {
    name: 'ulimit',
    kind: 'text',
    valueName: 'NAME=SOFT[:HARD]',
    isList: true,
    description: 'Resource limit of processes, such as nofile=1024',
  },
] as const;

export const FORMAT = {
  name: 'format',
  kind: 'choice',
  choices: ['table', 'json'],
  noun: 'format',
  default: 'table',
  description: 'How to print it; json prints one object per line',
} as const;

export const NO_TRUNC = {
  name: 'no-trunc',
  kind: 'boolean',
  description: 'Do not shorten ids and commands',
} as const;

export const QUIET = { name: 'quiet', short: 'q', kind: 'boolean', description: 'Print ids only' } as const;
