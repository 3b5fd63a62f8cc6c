import { ForgeError } from '../core/index.js';
import type { OptionSpec } from './option-spec.js';

const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp])?i?b?$/i;
const POWERS = 'kmgtp';

/** Docker's sizes: `512`, `64m`, `1.5GiB`; powers of 1024. Undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match?.[1] === undefined) return undefined;
  const power = match[2] === undefined ? 0 : POWERS.indexOf(match[2].toLowerCase()) + 1;
  const bytes = Math.trunc(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90m`, `1d12h`, in milliseconds. Undefined when it is none. */
function parseDuration(text: string): number | undefined {
  if (text === '' || text.replace(DURATION_PART, '') !== '') return undefined;
  const parts = [...text.matchAll(DURATION_PART)];
  return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (UNIT_MS[unit] ?? 0), 0);
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function nameBoth(option: OptionSpec): string {
  return option.short === undefined ? `--${option.name}` : `-${option.short}, --${option.name}`;
}

function invalid(option: OptionSpec, text: string, why: string): ForgeError {
  return new ForgeError(
    'user/usage',
    `invalid argument ${JSON.stringify(text)} for "${nameBoth(option)}" flag: ${why}`,
  );
}

/** Turns the text of one value into what the option's kind says; `user/usage` when it cannot. */
export function convertValue(option: OptionSpec, text: string): boolean | string | number {
  switch (option.kind) {
    case 'text':
      return text;
    case 'boolean':
      if (TRUE.has(text)) return true;
      if (FALSE.has(text)) return false;
      throw invalid(option, text, 'it is true or false');
    case 'choice':
      if (option.choices.includes(text)) return text;
      throw new ForgeError('user/usage', `invalid ${option.noun} ${text}`, {
        hint: `--${option.name} is one of ${option.choices.join(', ')}`,
      });
    case 'bytes': {
      const bytes = parseBytes(text);
      if (bytes !== undefined) return bytes;
      throw invalid(option, text, `invalid size: '${text}'`);
    }
    case 'duration': {
      const durationMs = parseDuration(text);
      if (durationMs !== undefined) return durationMs;
      throw invalid(option, text, 'it is a time such as 90m, 24h or 7d');
    }
    case 'integer':
      if (/^\d{1,15}$/.test(text)) return Number(text);
      throw invalid(option, text, 'it is a whole number');
    case 'number':
      if (/^\d+(\.\d+)?$|^\.\d+$/.test(text)) return Number(text);
      throw invalid(option, text, 'it is a number');
  }
}
