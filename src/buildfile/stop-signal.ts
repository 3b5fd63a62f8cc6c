import { problem } from './problem.js';
import { suggest } from './suggest.js';

/** Linux signals by number, from 1 (signal(7), x86 and arm). */
const NAMES =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );
const ALIASES = ['CLD', 'IOT', 'POLL'];
const REALTIME = /^(?:RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?)$/;

/** Checks the value of STOPSIGNAL, a number or a name with or without SIG; throws `invalid signal: X`. */
export function checkStopSignal(signal: string): void {
  if (/^[+-]?\d+$/.test(signal)) {
    if (Number(signal) === 0) throw invalid(signal);
    return;
  }
  const name = signal.toUpperCase().replace(/^SIG/, '');
  if (NAMES.includes(name) || ALIASES.includes(name) || REALTIME.test(name)) return;
  throw invalid(signal);
}

function invalid(signal: string) {
  const near = suggest(
    signal,
    NAMES.map((name) => `SIG${name}`),
    { ignoreCase: true },
  );
  const hint = near === undefined ? 'write a name such as SIGTERM, or a number' : `did you mean ${near}?`;
  return problem('signal', `invalid signal: ${signal}`, hint);
}
