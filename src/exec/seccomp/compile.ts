import {
  ALLOW,
  ARCHITECTURE_OFFSET,
  argumentOffset,
  assemble,
  branch,
  errnoResult,
  give,
  IF_BITS,
  IF_EQUAL,
  type Instruction,
  load,
  NUMBER_OFFSET,
  type Range,
  search,
} from './bpf.js';
import { type ArgumentTest, DEFAULT_ERRNO, ENOSYS, type Rule } from './profile.js';
import { type SyscallAbi, syscallNumbers } from './syscalls.js';

export type MachineArchitecture = 'x64' | 'arm64';

/** AUDIT_ARCH_* (linux/audit.h) of each ABI that a machine runs. x32 and 32-bit ARM get ENOSYS. */
const ABIS: Readonly<Record<MachineArchitecture, readonly { abi: SyscallAbi; audit: number }[]>> = {
  x64: [
    { abi: 'x64', audit: 0xc000_003e },
    { abi: 'ia32', audit: 0x4000_0003 },
  ],
  arm64: [{ abi: 'arm64', audit: 0xc000_00b7 }],
};

const DENY = [give(errnoResult(DEFAULT_ERRNO))];
const PERMIT = [give(ALLOW)];
const UNKNOWN = [give(errnoResult(ENOSYS))];

function applies(rule: Rule, architecture: MachineArchitecture, capabilities: ReadonlySet<string>): boolean {
  if (rule.architecture !== undefined && rule.architecture !== architecture) return false;
  if (rule.capability !== undefined && !capabilities.has(rule.capability)) return false;
  return rule.withoutCapability === undefined || !capabilities.has(rule.withoutCapability);
}

/** The values as ranges that are allowed, and those between them that are not. */
function valueRanges(values: readonly number[]): readonly Range[] {
  const ranges: { from: number; block: readonly Instruction[] }[] = [];
  const add = (from: number, block: readonly Instruction[]) => {
    const last = ranges.at(-1);
    if (last?.from === from) ranges.pop();
    if (ranges.at(-1)?.block !== block) ranges.push({ from, block });
  };
  add(0, DENY);
  for (const value of [...values].sort((a, b) => a - b)) {
    add(value, PERMIT);
    if (value < 0xffff_ffff) add(value + 1, DENY);
  }
  return ranges;
}

/** Arguments are 64 bits wide; all values and masks of profiles fit into the low half. */
function argumentBlock(argument: ArgumentTest): readonly Instruction[] {
  const low = load(argumentOffset(argument.index, 'low'));
  if (argument.test === 'no-bits') return [low, ...branch(IF_BITS, argument.mask, DENY, PERMIT)];
  const high = load(argumentOffset(argument.index, 'high'));
  const search32 = [low, ...search(valueRanges(argument.values))];
  return [high, ...branch(IF_EQUAL, 0, search32, DENY)];
}

/** What is done with each known system call; a rule without a condition beats one with. */
function decisions(
  rules: readonly Rule[],
  numbers: ReadonlyMap<string, number>,
): ReadonlyMap<number, readonly Instruction[]> {
  const blocks = new Map<number, readonly Instruction[]>();
  const conditionalFirst = [...rules].sort((a, b) => Number(!a.argument) - Number(!b.argument));
  for (const rule of conditionalFirst) {
    const refusal = rule.errno === undefined ? PERMIT : [give(errnoResult(rule.errno))];
    const block = rule.argument ? argumentBlock(rule.argument) : refusal;
    for (const name of rule.names.trim().split(/\s+/)) {
      const number = numbers.get(name);
      if (number !== undefined) blocks.set(number, block);
    }
  }
  return blocks;
}

/** Numbers beyond the table are calls this profile has not heard of: ENOSYS lets programs fall back. */
function abiBlock(rules: readonly Rule[], abi: SyscallAbi): readonly Instruction[] {
  const numbers = syscallNumbers(abi);
  const blocks = decisions(rules, numbers);
  const last = Math.max(...numbers.values());
  const ranges: Range[] = [];
  for (let number = 0; number <= last; number++) {
    const block = blocks.get(number) ?? DENY;
    if (ranges.at(-1)?.block !== block) ranges.push({ from: number, block });
  }
  ranges.push({ from: last + 1, block: UNKNOWN });
  return [load(NUMBER_OFFSET), ...search(ranges)];
}

/**
 * A profile as a seccomp program (struct sock_filter[]): a binary search over the system call
 * numbers, for the machine's own ABI and, on x86-64, the 32-bit one. Any other ABI gets ENOSYS.
 */
export function compileProfile(
  profile: readonly Rule[],
  architecture: MachineArchitecture,
  capabilities: readonly string[],
): Uint8Array {
  const held = new Set(capabilities);
  const rules = profile.filter((rule) => applies(rule, architecture, held));
  let program: readonly Instruction[] = UNKNOWN;
  for (const { abi, audit } of [...ABIS[architecture]].reverse()) {
    program = branch(IF_EQUAL, audit, abiBlock(rules, abi), program);
  }
  return assemble([load(ARCHITECTURE_OFFSET), ...program]);
}
