import { atLeastOne } from './arity.js';
import { parseFlags } from './flags.js';
import type { HealthcheckConfig, PlacedNode } from './instructions.js';
import { commandLine } from './parse-run.js';
import { problem } from './problem.js';
import { parseDurationNs, parseInt32 } from './quantities.js';

const FLAGS = {
  interval: 'text',
  timeout: 'text',
  'start-period': 'text',
  'start-interval': 'text',
  retries: 'text',
} as const;

const MIN_INTERVAL_NS = 1_000_000;

/** HEALTHCHECK; flags before NONE are accepted and mean nothing, as in the reference. */
export function parseHealthcheck(node: PlacedNode): HealthcheckConfig {
  atLeastOne('HEALTHCHECK', node.args);
  const type = (node.args[0] ?? '').toUpperCase();
  if (type === 'NONE') {
    if (node.args.length === 1) return { test: ['NONE'] };
    throw problem('arguments', 'HEALTHCHECK NONE takes no arguments');
  }
  const flags = parseFlags(node.flags, FLAGS);
  if (type !== 'CMD') {
    throw problem(
      'arguments',
      `Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`,
      undefined,
      node.args[0],
    );
  }
  const { shellForm, words } = commandLine(node, 1);
  if (words.length === 0) throw problem('arguments', 'Missing command after HEALTHCHECK CMD');
  const intervalNs = intervalOf('interval', flags.interval);
  const timeoutNs = intervalOf('timeout', flags.timeout);
  const startPeriodNs = intervalOf('start-period', flags['start-period']);
  const startIntervalNs = intervalOf('start-interval', flags['start-interval']);
  const retries = retriesOf(flags.retries);
  return {
    test: [shellForm ? 'CMD-SHELL' : 'CMD', ...words],
    ...(intervalNs === 0 ? {} : { intervalNs }),
    ...(timeoutNs === 0 ? {} : { timeoutNs }),
    ...(startPeriodNs === 0 ? {} : { startPeriodNs }),
    ...(startIntervalNs === 0 ? {} : { startIntervalNs }),
    ...(retries === 0 ? {} : { retries }),
  };
}

/** Nanoseconds; 0 means that the image does not say. */
function intervalOf(name: string, text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const ns = parseDurationNs(text);
  if (ns === 0 || ns >= MIN_INTERVAL_NS) return ns;
  throw problem(
    'duration',
    `Interval ${JSON.stringify(name)} cannot be less than 1ms`,
    undefined,
    `--${name}`,
  );
}

function retriesOf(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const retries = parseInt32(text);
  if (retries >= 0) return retries;
  throw problem('number', `--retries cannot be negative (${retries})`, undefined, '--retries');
}
