import { type CommandResult, runForge } from './command.js';

/** What `run` is asked for; every field means what the flag of that name means. */
export interface RunOptions {
  /** A name in the store, the path of an archive, or a layout directory. */
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly user?: string;
  readonly network?: 'none' | 'host';
  readonly stdin?: Uint8Array;
  readonly root?: string;
  readonly signal?: AbortSignal;
}

/** Runs a container to its end; its exit code is no error. 125 to 127 are as `forge run` has them. */
export function run(options: RunOptions): Promise<CommandResult> {
  const { image, command, env, workdir, user, network, stdin, root, signal } = options;
  const argv = [
    'run',
    '--rm',
    ...(stdin ? ['--interactive'] : []),
    ...Object.entries(env ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...(workdir === undefined ? [] : ['--workdir', workdir]),
    ...(user === undefined ? [] : ['--user', user]),
    ...(network === undefined ? [] : ['--network', network]),
    ...(root === undefined ? [] : ['--root', root]),
    image,
    ...(command ?? []),
  ];
  return runForge(argv, { ...(stdin ? { stdin } : {}), ...(signal ? { signal } : {}) });
}
