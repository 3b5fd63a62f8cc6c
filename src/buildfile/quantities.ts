import { problem } from './problem.js';

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const MAX_NS = 2 ** 63;

/** Parses a duration such as `1h2m3.5s` into nanoseconds; a unit is needed except for 0. */
export function parseDurationNs(text: string): number {
  const invalid = (why: string) =>
    problem('duration', `time: ${why}`, 'write it with units, for example 30s or 1m30s');
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return 0;
  if (body === '') throw invalid(`invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  for (let rest = body; rest !== ''; ) {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) throw invalid(`invalid duration ${JSON.stringify(text)}`);
    const unit = /^[^\d.]*/.exec(rest.slice(number.length))?.[0] ?? '';
    const scale = Object.hasOwn(UNIT_NS, unit) ? UNIT_NS[unit] : undefined;
    if (unit === '') throw invalid(`missing unit in duration ${JSON.stringify(text)}`);
    if (scale === undefined) {
      throw invalid(`unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    }
    total += Math.trunc(Number((Number(number) * scale).toFixed(3)));
    rest = rest.slice(number.length + unit.length);
  }
  if (total >= MAX_NS) throw invalid(`invalid duration ${JSON.stringify(text)}`);
  return text.startsWith('-') ? -total : total;
}

const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtpe]?)(?:i?b)?$/i;

/** Parses a size such as `512m` or `1.5GiB` into bytes (units of 1024); undefined when malformed. */
export function parseSizeBytes(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const power = ' kmgtpe'.indexOf((match[2] || ' ').toLowerCase());
  const bytes = Math.trunc(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Parses a decimal whole number that fits 32 bits, signed; words errors as the reference does. */
export function parseInt32(text: string): number {
  const failed = (why: string) =>
    problem('number', `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`, 'write a whole number');
  if (!/^[+-]?\d+$/.test(text)) throw failed('invalid syntax');
  const value = Number(text);
  if (value > 2 ** 31 - 1 || value < -(2 ** 31)) throw failed('value out of range');
  return value;
}
