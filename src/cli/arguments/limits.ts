import type { UlimitSpec } from '../../build/index.js';
import { ForgeError } from '../../core/index.js';

const ULIMITS = new Set(
  'as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(
    ' ',
  ),
);

/** -1 is unlimited, as setrlimit has it. */
function amount(text: string): number | undefined {
  return /^(-1|\d{1,15})$/.test(text) ? Number(text) : undefined;
}

/** `--ulimit NAME=SOFT[:HARD]`; without HARD both are the same. */
export function parseUlimit(text: string): UlimitSpec {
  const invalid = (why: string) =>
    new ForgeError('user/usage', `invalid argument ${JSON.stringify(text)} for "--ulimit" flag: ${why}`);
  const [, name, softText = '', hardText] = /^([^=]*)=([^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (name === undefined) throw invalid(`invalid ulimit argument: ${text}`);
  if (!ULIMITS.has(name)) throw invalid(`invalid ulimit type: ${name}`);
  const soft = amount(softText);
  const hard = amount(hardText ?? softText);
  if (soft === undefined || hard === undefined) throw invalid('a limit is a whole number, or -1 for none');
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { name, soft, hard };
}

export interface LimitValues {
  readonly memory: number | undefined;
  readonly cpus: number | undefined;
  readonly 'pids-limit': number | undefined;
}

/** The limits that were given, and no others. */
export function givenLimits(values: LimitValues): {
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly pids?: number;
} {
  const { memory, cpus, 'pids-limit': pids } = values;
  if (cpus === 0) throw new ForgeError('user/usage', '--cpus 0 would let nothing run');
  if (pids === 0) throw new ForgeError('user/usage', '--pids-limit 0 would let nothing run');
  return {
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(pids === undefined ? {} : { pids }),
  };
}
