/**
 * Paths that show nothing inside a box, as runc and moby have them today (moby's
 * daemon/pkg/oci/defaults.go, runc's specconv/example.go): kernel secrets and side channels. What
 * the kernel at hand lacks is left out when the box is made.
 */
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/devices/virtual/tpm',
  '/sys/firmware',
] as const;

/** Paths of /proc that can be read but not written. */
export const READONLY_PATHS = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
] as const;

/** All masked paths; `cpus` is how many CPUs have a `thermal_throttle` directory (GHSA-6fw5-f8r9-fgfm). */
export function maskedPaths(throttledCpus: readonly number[]): readonly string[] {
  return [...MASKED, ...throttledCpus.map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`)];
}
