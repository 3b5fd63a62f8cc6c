import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBusyboxRoot } from './inputs.js';
import { formatSeconds, type Measurement, measure, median } from './measure.js';
import { findBuilders } from './peers.js';
import { type Workload, workloads } from './workloads/index.js';

/**
 * `npm run bench [workload…]`: forge and the peers that this machine has, turn by turn on the same
 * inputs; results are compared before any time counts. Prints medians and the ratio to the best peer.
 */

function report(workload: Workload, measurements: readonly Measurement[], notes: readonly string[]): void {
  const [forge, ...peers] = measurements;
  process.stdout.write(`\n${workload.name}: ${workload.title}\n`);
  for (const measurement of measurements) {
    process.stdout.write(`  ${measurement.name.padEnd(10)} ${formatSeconds(measurement)}\n`);
  }
  const best = Math.min(...peers.map(({ seconds }) => median(seconds)));
  if (forge && peers.length > 0) {
    const ratio = best / median(forge.seconds);
    const verdict = ratio >= workload.bar ? 'meets' : 'MISSES';
    process.stdout.write(
      `  ${ratio.toFixed(1)}x as fast as the best peer: ${verdict} the bar of ${workload.bar}x\n`,
    );
  } else if (forge)
    process.stdout.write('  no peer on this machine: apt-get install buildah podman skopeo umoci runc\n');
  for (const note of notes) process.stdout.write(`  ${note}\n`);
}

/** What peers leave mounted (containers/storage its own directory), innermost first. */
function mountsBeneath(directory: string): readonly string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${directory}/`))
    .reverse();
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => !workloads.some((workload) => workload.name === name));
  if (unknown !== undefined) {
    process.stderr.write(
      `no workload ${unknown}; there are: ${workloads.map(({ name }) => name).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const home = mkdtempSync(join(tmpdir(), 'forge-bench-'));
  try {
    const rootfs = join(home, 'rootfs');
    mkdirSync(rootfs);
    makeBusyboxRoot(rootfs);
    const tar = join(home, 'base.tar');
    execFileSync('tar', ['-cf', tar, '-C', rootfs, '.']);
    const builders = findBuilders(home);
    for (const builder of builders) builder.prepare(tar);
    // Reading more certificates at start takes Node twice the time; forge's launcher puts it off.
    const env = { NODE_EXTRA_CA_CERTS: '' };
    const node = { name: 'node', command: process.execPath, argv: ['-e', '0'], env };
    const [floor] = await measure([node], 9);
    process.stdout.write(
      `${cpus().length} × ${cpus()[0]?.model}, Linux ${release()}, node ${process.version}\n`,
    );
    if (floor) process.stdout.write(`node -e 0: ${formatSeconds(floor)}\n`);
    for (const workload of workloads) {
      if (names.length > 0 && !names.includes(workload.name)) continue;
      const { measurements, notes } = await workload.run({ home, builders });
      report(workload, measurements, notes);
    }
  } finally {
    for (const mount of mountsBeneath(home)) execFileSync('umount', ['-l', mount]);
    rmSync(home, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
