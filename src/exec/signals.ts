import { constants } from 'node:os';
import { ForgeError } from '../core/index.js';

const BY_NAME: Readonly<Record<string, number>> = constants.signals;

/** The number of a signal named with or without SIG, in any case, or written as a number. */
export function signalNumber(name: string): number {
  const text = name.toUpperCase();
  const number = /^\d+$/.test(text) ? Number(text) : realtime(text);
  const known = BY_NAME[text.startsWith('SIG') ? text : `SIG${text}`] ?? number;
  if (known === undefined || known < 1 || known > 64) {
    throw new ForgeError('user/signal', `unknown signal ${JSON.stringify(name)}`);
  }
  return known;
}

/** SIGRTMIN+n and SIGRTMAX-n, as STOPSIGNAL may say (systemd's containers do). */
function realtime(text: string): number | undefined {
  const match = /^(?:SIG)?(RTMIN|RTMAX)(?:([+-])(\d+))?$/.exec(text);
  if (!match) return undefined;
  const base = match[1] === 'RTMIN' ? 34 : 64;
  return base + Number(`${match[2] ?? '+'}${match[3] ?? '0'}`);
}

/** The name of a signal's number: `SIGKILL`; `SIG40` for one without. */
export function signalName(number: number): string {
  const found = Object.entries(BY_NAME).find(([, value]) => value === number);
  return found ? found[0] : `SIG${number}`;
}
