import type { RunRequest } from '../../build/index.js';
import type { CliContext } from '../context.js';
import type { Parsed } from '../option-spec.js';
import type { runSpec } from '../specs/run.js';
import { storeRoot } from '../store-root.js';
import { defined } from './defined.js';
import { givenLimits, parseUlimit } from './limits.js';
import { parseTmpfs, parseVolume } from './mounts.js';
import { fromEnvironment } from './name-values.js';

/** The request that a `forge run` command line stands for; `user/…` errors say what is wrong with it. */
export function runRequest(parsed: Parsed<typeof runSpec>, context: CliContext): RunRequest {
  const { values, operands } = parsed;
  const { cwd, env } = context;
  const [image = '', ...command] = operands;
  const variables = fromEnvironment(values.env, 'environment variable', env);
  return {
    image,
    command,
    env: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    volumes: values.volume.map((text) => parseVolume(text, cwd)),
    readonly: values['read-only'],
    tmpfs: values.tmpfs.map(parseTmpfs),
    network: values.network,
    limits: givenLimits(values),
    ulimits: values.ulimit.map(parseUlimit),
    init: values.init,
    interactive: values.interactive,
    terminal: values.tty,
    root: storeRoot(values.root, context),
    ...defined({
      name: values.name,
      workdir: values.workdir,
      user: values.user,
      entrypoint: values.entrypoint,
      hostname: values.hostname,
      shmSizeBytes: values['shm-size'],
    }),
  };
}
