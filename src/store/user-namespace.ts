import { readFileSync } from 'node:fs';

let initial: boolean | undefined;

/** True in the machine's initial user namespace, which maps all users to themselves. */
export function inInitialUserNamespace(): boolean {
  initial ??= mapsAllUsers();
  return initial;
}

function mapsAllUsers(): boolean {
  try {
    return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  } catch {
    // Without /proc or without user namespaces there is only the initial one.
    return true;
  }
}
