import test from 'ava';
import { DEFAULT_CAPABILITIES } from '../../src/exec/capabilities.js';
import { compileProfile, type MachineArchitecture } from '../../src/exec/seccomp/compile.js';
import { DEFAULT_PROFILE, type Rule } from '../../src/exec/seccomp/profile.js';
import { type SyscallAbi, syscallNumbers } from '../../src/exec/seccomp/syscalls.js';

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const AUDIT = { x64: 0xc000003e, ia32: 0x40000003, arm64: 0xc00000b7, arm: 0x40000028 };

/** Runs classic BPF as the kernel's seccomp does: data is number, architecture, ip, six arguments. */
function interpret(program: Uint8Array, number: number, audit: number, args: readonly bigint[] = []): number {
  const code = Buffer.from(program);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(audit, 4);
  args.forEach((value, index) => {
    data.writeBigUInt64LE(value, 16 + 8 * index);
  });
  let accumulator = 0;
  for (let at = 0; at * 8 < code.length; ) {
    const op = code.readUInt16LE(at * 8);
    const yes = code.readUInt8(at * 8 + 2);
    const no = code.readUInt8(at * 8 + 3);
    const k = code.readUInt32LE(at * 8 + 4);
    at += 1;
    if (op === 0x06) return k;
    if (op === 0x20) accumulator = data.readUInt32LE(k);
    else if (op === 0x05) at += k;
    else if (op === 0x15) at += accumulator === k ? yes : no;
    else if (op === 0x35) at += accumulator >= k ? yes : no;
    else if (op === 0x45) at += (accumulator & k) !== 0 ? yes : no;
    else throw new Error(`unknown instruction ${op}`);
  }
  throw new Error('ran off the end');
}

/** What the profile says, read rule by rule: the oracle for the compiled search. */
function expected(
  name: string,
  architecture: MachineArchitecture,
  capabilities: readonly string[],
  args: readonly bigint[],
): number {
  const matches = (rule: Rule): boolean => {
    const { capability, withoutCapability, argument } = rule;
    if (!rule.names.trim().split(/\s+/).includes(name)) return false;
    if (rule.architecture && rule.architecture !== architecture) return false;
    if (capability && !capabilities.includes(capability)) return false;
    if (withoutCapability && capabilities.includes(withoutCapability)) return false;
    if (!argument) return true;
    const value = args[argument.index] ?? 0n;
    if (argument.test === 'no-bits') return (value & BigInt(argument.mask)) === 0n;
    return argument.values.some((allowed) => BigInt(allowed) === value);
  };
  const rules = DEFAULT_PROFILE.filter(matches);
  const allows = rules.some(({ errno }) => errno === undefined);
  if (allows) return ALLOW;
  return rules[0]?.errno === undefined ? EPERM : ENOSYS;
}

const ARGUMENTS = [
  [],
  [1n],
  [2n],
  [12n],
  [38n],
  [40n],
  [45n],
  [46n],
  [0xffffffffn],
  [0x1_0000_0001n],
  [0x1_0000_0000n],
  [0xffff_ffff_ffff_ffffn],
  [8n],
  [0x20000n],
  [0x20008n],
  [0x20009n],
  [0x10000000n],
  [0x11n],
  [0x02000000n],
  [0x80000000n],
];

const CASES: readonly (readonly [MachineArchitecture, SyscallAbi])[] = [
  ['x64', 'x64'],
  ['x64', 'ia32'],
  ['arm64', 'arm64'],
];

for (const [architecture, abi] of CASES) {
  for (const [title, capabilities] of [
    ['the default capabilities', DEFAULT_CAPABILITIES],
    ['none', []],
    ['many', [...DEFAULT_CAPABILITIES, 'sys_admin', 'sys_ptrace', 'bpf', 'sys_time', 'dac_read_search']],
  ] as const) {
    test(`every ${abi} system call gets what the profile says, on ${architecture} with ${title}`, (t) => {
      const program = compileProfile(DEFAULT_PROFILE, architecture, capabilities);
      const numbers = syscallNumbers(abi);
      const names = new Map([...numbers].map(([name, number]) => [number, name]));
      const last = Math.max(...numbers.values());
      t.true(last >= 469 && numbers.size > 300);
      for (let number = 0; number <= last; number++) {
        for (const args of ARGUMENTS) {
          const want = expected(names.get(number) ?? '', architecture, capabilities, args);
          const got = interpret(program, number, AUDIT[abi], args);
          if (got !== want) t.fail(`${names.get(number)} (${number}) ${args}: ${got} for ${want}`);
        }
      }
      for (const number of [last + 1, 1000, 0x40000000, 0x40000001, 0x7fffffff, 0xffffffff]) {
        t.is(interpret(program, number, AUDIT[abi]), ENOSYS, `unknown call ${number}`);
      }
    });
  }
}

test('calls of a foreign architecture do not exist', (t) => {
  const x64 = compileProfile(DEFAULT_PROFILE, 'x64', DEFAULT_CAPABILITIES);
  const arm64 = compileProfile(DEFAULT_PROFILE, 'arm64', DEFAULT_CAPABILITIES);
  for (let number = 0; number < 500; number++) {
    t.is(interpret(x64, number, AUDIT.arm64), ENOSYS);
    t.is(interpret(arm64, number, AUDIT.arm), ENOSYS);
    t.is(interpret(arm64, number, AUDIT.x64), ENOSYS);
  }
});

test('what attacks need is refused with the default capabilities', (t) => {
  const program = compileProfile(DEFAULT_PROFILE, 'x64', DEFAULT_CAPABILITIES);
  const numbers = syscallNumbers('x64');
  const result = (name: string, ...args: bigint[]) =>
    interpret(program, numbers.get(name) ?? -1, AUDIT.x64, args);
  for (const name of [
    ...['keyctl', 'add_key', 'request_key', 'bpf', 'mount', 'umount2', 'unshare', 'setns', 'pivot_root'],
    ...['io_uring_setup', 'io_uring_enter', 'kexec_load', 'init_module', 'perf_event_open', 'userfaultfd'],
    ...['open_by_handle_at', 'fsopen', 'move_mount', 'swapon', 'reboot', 'iopl', 'syslog', 'process_madvise'],
  ]) {
    t.is(result(name), EPERM, name);
  }
  t.is(result('clone3'), ENOSYS);
  t.is(result('clone', 0x10000000n), EPERM);
  t.is(result('clone', 0x11n), ALLOW);
  t.is(result('socket', 38n), EPERM);
  t.is(result('socket', 2n), ALLOW);
  t.is(result('personality', 0x40000n), EPERM);
});

test('the program stays within what the kernel and its jumps allow', (t) => {
  for (const architecture of ['x64', 'arm64'] as const) {
    const program = compileProfile(DEFAULT_PROFILE, architecture, DEFAULT_CAPABILITIES);
    t.true(program.length / 8 < 4096);
    t.is(program.length % 8, 0);
  }
});
