import { ForgeError } from '../core/index.js';
import type { Rlimit } from './types.js';

/** RLIMIT_* numbers of x86-64 and arm64 (asm-generic/resource.h). */
const RESOURCES: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** A limit as setrlimit(2) takes it; -1 and Infinity are no limit. An unknown name is `user/rlimit`. */
export function encodeRlimit(limit: Rlimit): { resource: number; soft: bigint; hard: bigint } {
  const resource = RESOURCES[limit.name];
  if (resource === undefined) {
    throw new ForgeError('user/rlimit', `unknown resource limit ${JSON.stringify(limit.name)}`, {
      hint: `known are ${Object.keys(RESOURCES).join(', ')}`,
    });
  }
  const value = (n: number) => (n < 0 || n === Number.POSITIVE_INFINITY ? UNLIMITED : BigInt(n));
  return { resource, soft: value(limit.soft), hard: value(limit.hard) };
}
