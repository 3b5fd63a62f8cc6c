import { posix } from 'node:path';
import { ForgeError } from '../core/index.js';
import type { CgroupPlan } from './cgroup/plan.js';
import { deviceOperations } from './devices.js';
import type { HostFacts } from './host.js';
import {
  ATTR_NODEV,
  ATTR_NOEXEC,
  ATTR_NOSUID,
  ATTR_RDONLY,
  CLONE_NEWCGROUP,
  MS_NODEV,
} from './kernel-flags.js';
import { maskedPaths, READONLY_PATHS } from './masks.js';
import type { Operation } from './operations.js';
import { overlayOptions } from './overlay-options.js';
import type { BoxMount, BoxProcess, BoxSpec } from './types.js';

const SAFE = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC;

/** Everything that makes a box, in order; pure. */
export function boxOperations(spec: BoxSpec, host: HostFacts, cgroups: CgroupPlan): readonly Operation[] {
  return [
    ...cgroups.join.map((file): Operation => ({ kind: 'join-cgroup', file })),
    // The namespace shows the cgroup it was made in as /, so it comes after joining.
    ...(cgroups.join.length > 0 ? [{ kind: 'unshare', namespaces: CLONE_NEWCGROUP } as const] : []),
    { kind: 'private' },
    ...rootOperations(spec, host),
    ...kernelFileSystems(spec, host, cgroups),
    ...deviceOperations(spec, host),
    ...spec.mounts.flatMap((mount) => [...mountPoint(mount, spec), mountOperation(mount, spec, host)]),
    ...(spec.insecure ? [] : maskOperations(host)),
    ...(spec.process.terminal ? [consoleOperation(spec.process)] : []),
    ...(spec.root.readonly ? [{ kind: 'restrict', path: '/', attributes: ATTR_RDONLY } as const] : []),
    { kind: 'hostname', name: spec.hostname },
    ...(spec.network === 'none' ? [{ kind: 'loopback' } as const] : []),
    { kind: 'pivot' },
  ];
}

function consoleOperation(process: BoxProcess): Operation {
  const { columns = 0, rows = 0 } = process.terminalSize ?? {};
  return { kind: 'console', uid: process.uid, columns, rows };
}

/** No device node works in a box's root: only those of its /dev do. */
function rootOperations(spec: BoxSpec, host: HostFacts): readonly Operation[] {
  const { root, insecure } = spec;
  if (root.kind === 'overlay') {
    const options = overlayOptions(root, host.inUserNamespace);
    const flags = insecure ? 0 : MS_NODEV;
    return [{ kind: 'root-overlay', base: root.base, place: root.upper, flags, options }];
  }
  const attributes = insecure ? 0 : ATTR_NODEV;
  const places = ['/proc', '/sys', '/dev'].map((path): Operation => ({ kind: 'mkdir', path, mode: 0o755 }));
  return [{ kind: 'root-directory', path: root.path, attributes }, ...places];
}

/** /proc and /sys. A symlink there would put them elsewhere: refused (CVE-2019-19921, CVE-2025-52881). */
function kernelFileSystems(spec: BoxSpec, host: HostFacts, cgroups: CgroupPlan): readonly Operation[] {
  const readonly = spec.insecure ? 0 : ATTR_RDONLY;
  const fresh = (type: string, target: string, attributes: number, options = {}): Operation => {
    return { kind: 'mount', type, target, attributes, noLinks: true, options };
  };
  // A user namespace gets a sysfs only with a network namespace of its own.
  const sys: Operation =
    host.inUserNamespace && spec.network === 'host'
      ? {
          kind: 'bind',
          source: '/sys',
          subpath: '',
          target: '/sys',
          attributes: SAFE | ATTR_RDONLY,
          recursive: true,
          create: false,
        }
      : fresh('sysfs', '/sys', SAFE | readonly);
  return [fresh('proc', '/proc', SAFE), sys, ...cgroupView(host, cgroups, readonly)];
}

/** The box's own cgroups, read-only, where programs look for their limits. */
function cgroupView(host: HostFacts, cgroups: CgroupPlan, readonly: number): readonly Operation[] {
  const place = '/sys/fs/cgroup';
  const mount = (type: string, target: string, options: Record<string, string>): Operation => {
    return { kind: 'mount', type, target, attributes: SAFE | readonly, noLinks: true, options };
  };
  if (host.cgroups.kind === 'v2') return [mount('cgroup2', place, {})];
  if (host.cgroups.kind === 'none') return [];
  const joined = new Map<string, string[]>();
  for (const [controller, parent] of host.cgroups.parents) {
    if (!cgroups.join.some((file) => file.startsWith(`${parent}/`))) continue;
    joined.set(parent, [...(joined.get(parent) ?? []), controller]);
  }
  const names = [...joined.values()].map((controllers) => controllers.join(','));
  return [
    {
      kind: 'mount',
      type: 'tmpfs',
      target: place,
      attributes: SAFE,
      noLinks: true,
      options: { mode: '755' },
    },
    ...names.flatMap((name): Operation[] => [
      { kind: 'mkdir', path: `${place}/${name}`, mode: 0o555 },
      mount('cgroup', `${place}/${name}`, Object.fromEntries(name.split(',').map((key) => [key, '']))),
    ]),
    { kind: 'restrict', path: place, attributes: ATTR_RDONLY },
  ];
}

function maskOperations(host: HostFacts): readonly Operation[] {
  return [
    ...READONLY_PATHS.map((path): Operation => ({ kind: 'readonly', path })),
    ...maskedPaths(host.throttledCpus).map((path): Operation => ({ kind: 'mask', path })),
  ];
}

const isBelow = (path: string, directory: string) => path.startsWith(`${directory}/`);

/** True for a target inside /dev or another mount of the box. */
function isInner({ target }: BoxMount, { mounts }: BoxSpec): boolean {
  return isBelow(target, '/dev') || mounts.some((outer) => isBelow(target, outer.target));
}

/** The root has the mount points of a box; those inside /dev or another mount are made there. */
function mountPoint(mount: BoxMount, spec: BoxSpec): readonly Operation[] {
  const { target, kind } = mount;
  if (!isInner(mount, spec)) return [];
  const place = kind === 'tmpfs' || kind === 'overlay' ? target : posix.dirname(target);
  const directory: Operation = { kind: 'mkdir', path: place, mode: 0o755 };
  // A bind mount makes its own place, as a file or a directory.
  return kind === 'data' ? [directory, { kind: 'file', path: target, mode: 0o644 }] : [directory];
}

function mountOperation(mount: BoxMount, spec: BoxSpec, host: HostFacts): Operation {
  if (!mount.target.startsWith('/')) {
    throw new ForgeError('bug/mount-target', `mount target ${mount.target} is not absolute`);
  }
  const nodev = spec.insecure ? 0 : ATTR_NODEV;
  const { target } = mount;
  switch (mount.kind) {
    case 'bind': {
      const attributes = nodev | (mount.readonly ? ATTR_RDONLY : 0);
      const { source, subpath = '', recursive = false } = mount;
      return {
        kind: 'bind',
        source,
        subpath,
        target,
        attributes,
        recursive,
        create: spec.root.kind === 'directory' || isInner(mount, spec),
      };
    }
    case 'tmpfs': {
      const options: Record<string, string> = { source: 'tmpfs', mode: (mount.mode ?? 0o1777).toString(8) };
      if (mount.sizeBytes !== undefined) options.size = `${mount.sizeBytes}`;
      const attributes = ATTR_NOSUID | ATTR_NODEV;
      return { kind: 'mount', type: 'tmpfs', target, attributes, noLinks: false, options };
    }
    case 'data':
      return mount;
    case 'overlay': {
      const options = overlayOptions(mount, host.inUserNamespace);
      return { kind: 'overlay', target, upper: mount.upper, flags: nodev ? MS_NODEV : 0, options };
    }
  }
}
