import type { ForgeError } from '../core/index.js';
import { parseCsvFields } from './csv.js';
import { parseFlags } from './flags.js';
import type { CommandLine, PlacedNode, RunInstruction, StepLimits } from './instructions.js';
import { checkRawMount } from './mount.js';
import { problem } from './problem.js';
import { parseDurationNs, parseSizeBytes } from './quantities.js';
import { suggest, withSuggestion } from './suggest.js';

const FLAGS = {
  mount: 'list',
  network: 'text',
  security: 'text',
  device: 'list',
  memory: 'text',
  cpus: 'text',
  pids: 'text',
  timeout: 'text',
} as const;

const NETWORKS = ['default', 'none', 'host'] as const;
const SECURITY = ['sandbox', 'insecure'] as const;

/** The words of RUN, CMD and ENTRYPOINT: the JSON array, or the rest of the line as one string. */
export function commandLine(node: Pick<PlacedNode, 'args' | 'json'>, from = 0): CommandLine {
  const words = node.args.slice(from);
  if (node.json) return { shellForm: false, words };
  return { shellForm: true, words: words.length === 0 ? [] : [words.join(' ')] };
}

/** RUN; its mounts are checked as far as they can be before variables are known. */
export function parseRun(node: PlacedNode): Omit<RunInstruction, 'source' | 'original'> {
  const flags = parseFlags(node.flags, FLAGS);
  const security = SECURITY.find((mode) => mode === (flags.security ?? 'sandbox'));
  if (security === undefined) {
    throw problem(
      'flag-value',
      `security ${JSON.stringify(flags.security)} is not valid`,
      'it is sandbox or insecure',
      '--security',
    );
  }
  flags.mount.forEach(checkRawMount);
  flags.device.forEach(checkDevice);
  return {
    kind: 'RUN',
    command: commandLine(node),
    heredocs: node.heredocs,
    mounts: flags.mount,
    network: networkOf(flags.network ?? 'default'),
    security,
    devices: flags.device,
    limits: limitsOf(flags),
  };
}

function networkOf(value: string): RunInstruction['network'] {
  const network = NETWORKS.find((mode) => mode === value);
  if (network !== undefined) return network;
  const near = suggest(value, NETWORKS);
  const hint = near === undefined ? 'it is default, none or host' : `did you mean ${near}?`;
  throw problem('flag-value', `invalid network mode ${JSON.stringify(value)}`, hint, '--network');
}

function checkDevice(value: string): void {
  for (const [index, field] of parseCsvFields(value).entries()) {
    const [key = '', setting] = field.split('=', 2);
    // The first field may be the device's name itself, which often holds a `=`.
    if (index === 0 || (setting === undefined && key.toLowerCase() === 'required')) continue;
    if (setting === undefined) {
      throw problem('flag-value', `invalid field '${field}' must be a key=value pair`, undefined, '--device');
    }
    if (key === 'name' || (key === 'required' && /^(true|false|1|0)$/.test(setting))) continue;
    const near = suggest(key, ['name', 'required']);
    throw problem(
      'flag-value',
      withSuggestion(`unexpected key '${key}' in '${field}'`, near),
      undefined,
      '--device',
    );
  }
}

function limitProblem(name: string, value: string, hint: string): ForgeError {
  return problem('limit', `invalid value for --${name}: ${JSON.stringify(value)}`, hint, `--${name}`);
}

type LimitFlags = Readonly<Record<'memory' | 'cpus' | 'pids' | 'timeout', string | undefined>>;

function limitsOf({ memory, cpus, pids, timeout }: LimitFlags): StepLimits {
  return {
    ...(memory === undefined ? {} : { memoryBytes: memoryOf(memory) }),
    ...(cpus === undefined ? {} : { cpus: cpusOf(cpus) }),
    ...(pids === undefined ? {} : { pids: pidsOf(pids) }),
    ...(timeout === undefined ? {} : { timeoutMs: timeoutOf(timeout) }),
  };
}

function memoryOf(value: string): number {
  const bytes = parseSizeBytes(value);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw limitProblem('memory', value, 'write a size such as 512m or 2g');
}

function cpusOf(value: string): number {
  const cpus = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
  if (cpus >= 0.01) return cpus;
  throw limitProblem('cpus', value, 'write a number of CPUs such as 0.5 or 2');
}

function pidsOf(value: string): number {
  const pids = /^\d+$/.test(value) ? Number(value) : 0;
  if (pids > 0 && Number.isSafeInteger(pids)) return pids;
  throw limitProblem('pids', value, 'write a whole number of processes such as 200');
}

function timeoutOf(value: string): number {
  const hint = 'write a duration such as 90s or 10m';
  try {
    const timeoutMs = Math.floor(parseDurationNs(value) / 1e6);
    if (timeoutMs >= 1) return timeoutMs;
  } catch {
    throw limitProblem('timeout', value, hint);
  }
  throw limitProblem('timeout', value, hint);
}
