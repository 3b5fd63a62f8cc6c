import { boxOperations } from './box-operations.js';
import { ByteWriter } from './byte-writer.js';
import { ALL_CAPABILITIES, capabilityMask } from './capabilities.js';
import type { CgroupAction, CgroupPlan } from './cgroup/plan.js';
import type { HostFacts } from './host.js';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
} from './kernel-flags.js';
import { writeOperations } from './operations.js';
import { encodeRlimit } from './rlimits.js';
import { defaultFilter } from './seccomp/index.js';
import type { BoxProcess, BoxSpec } from './types.js';

/** Bits of `flags` in native/forge/process.h. */
const NO_NEW_PRIVILEGES = 1;
const TERMINAL = 2;
const INIT = 4;
const KEEP_GROUPS = 8;

function namespaces(spec: BoxSpec, cgroups: CgroupPlan): number {
  const always = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  const network = spec.network === 'none' ? CLONE_NEWNET : 0;
  const cgroup = cgroups.join.length > 0 ? 0 : CLONE_NEWCGROUP;
  return always | network | cgroup;
}

function writeAction(writer: ByteWriter, action: CgroupAction): void {
  if (action.verb === 'make') writer.u8(1).u8(0).text(action.path).text('');
  else
    writer
      .u8(2)
      .u8(action.optional ? 1 : 0)
      .text(action.path)
      .text(action.value);
}

function processFlags(spec: BoxSpec, host: HostFacts): number {
  return (
    (spec.process.noNewPrivileges ? NO_NEW_PRIVILEGES : 0) |
    (spec.process.terminal ? TERMINAL : 0) |
    (spec.init ? INIT : 0) |
    (host.keepGroups ? KEEP_GROUPS : 0)
  );
}

function filterFor(spec: BoxSpec, capabilities: readonly string[]): Uint8Array {
  const confined = spec.process.seccomp === 'default' && !spec.insecure;
  return confined ? defaultFilter(capabilities) : new Uint8Array();
}

function writeProcess(writer: ByteWriter, spec: BoxSpec, host: HostFacts): void {
  const process: BoxProcess = spec.process;
  const capabilities = spec.insecure ? ALL_CAPABILITIES : process.capabilities;
  writer.u32(processFlags(spec, host)).u32(process.uid).u32(process.gid).u32(process.umask);
  writer.u64(capabilityMask(capabilities));
  writer.section((section) => {
    section.u32(process.additionalGids.length);
    for (const gid of process.additionalGids) section.u32(gid);
  });
  writer.section((section) => {
    section.u32(process.rlimits.length);
    for (const { resource, soft, hard } of process.rlimits.map(encodeRlimit)) {
      section.u32(resource).u64(soft).u64(hard);
    }
  });
  writer.text(process.cwd);
  writer.section((section) => section.texts(process.argv));
  writer.section((section) => section.texts(process.env));
  writer.text(filterFor(spec, capabilities));
}

/** The payload of a run frame, as native/forge/box.c (start_box) reads it. */
export function encodeRequest(spec: BoxSpec, host: HostFacts, cgroups: CgroupPlan): Buffer {
  const writer = new ByteWriter();
  writer.u32(namespaces(spec, cgroups)).u8(spec.process.terminal ? 1 : 0);
  writer.section((section) => {
    section.u32(cgroups.prepare.length);
    for (const action of cgroups.prepare) writeAction(section, action);
  });
  writer.text(cgroups.cloneInto);
  writer.section((section) => {
    section.texts(cgroups.figures.map(({ path }) => path)).texts(cgroups.remove);
  });
  writer.section((section) => {
    writeProcess(section, spec, host);
    writeOperations(section, boxOperations(spec, host, cgroups));
  });
  return writer.finish();
}
