import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireSameTrees } from '../equivalence.js';
import { makeSmallFiles } from '../inputs.js';
import { type Contender, type Measurement, measure } from '../measure.js';
import type { Builder } from '../peers.js';
import { sizes } from './sizes.js';

/** What a workload is given: a directory of its own and the builders found. */
export interface Bench {
  readonly home: string;
  readonly builders: readonly Builder[];
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** How many times faster than the best peer forge has to be. */
  readonly bar: number;
  run(
    bench: Bench,
  ): Promise<{ readonly measurements: readonly Measurement[]; readonly notes: readonly string[] }>;
}

function contextWith(
  home: string,
  name: string,
  buildfile: string,
): { readonly context: string; readonly file: string } {
  const context = join(home, name);
  mkdirSync(context, { recursive: true });
  const file = join(context, 'Dockerfile');
  writeFileSync(file, buildfile);
  return { context, file };
}

const imageBuilders = ({ builders }: Bench) => builders.filter(({ name }) => name !== 'podman');

function exportAll(bench: Bench, tag: string): ReadonlyMap<string, string> {
  return new Map(
    imageBuilders(bench).map((builder) => {
      const archive = join(bench.home, `check-${builder.name}.tar`);
      rmSync(archive, { force: true });
      const [command = '', ...argv] = builder.export(tag, archive);
      execFileSync(command, argv, { stdio: 'ignore' });
      return [builder.name, archive];
    }),
  );
}

async function buildWorkload(bench: Bench, name: string, buildfile: string, cache: boolean, rounds: number) {
  const { context, file } = contextWith(bench.home, name, buildfile);
  const contenders = imageBuilders(bench).map((builder) =>
    builder.build({ context, file, tag: name, cache }),
  );
  for (const { command, argv } of contenders) execFileSync(command, argv, { stdio: 'ignore' });
  requireSameTrees(bench.home, exportAll(bench, name));
  const measurements = await measure(contenders, rounds);
  return { measurements, notes: ['same files, modes and owners in all images'] };
}

const steps = (count: number, line: (index: number) => string) =>
  ['FROM base', ...Array.from({ length: count }, (_, index) => line(index))].join('\n');

export const workloads: readonly Workload[] = [
  {
    name: 'no-op',
    title: 'warm no-op of 20 steps',
    bar: 1,
    run: (bench) =>
      buildWorkload(
        bench,
        'no-op',
        steps(20, (index) => `RUN echo ${index} > /f${index}`),
        true,
        9,
      ),
  },
  {
    name: 'run-steps',
    title: '30 trivial RUN steps, cold',
    bar: 5,
    run: (bench) =>
      buildWorkload(
        bench,
        'run-steps',
        steps(30, (index) => `RUN true ${index}`),
        false,
        5,
      ),
  },
  {
    name: 'copy-files',
    title: 'COPY of 30,000 small files to a gzip OCI archive, cold',
    bar: 4,
    async run(bench) {
      const { context, file } = contextWith(bench.home, 'copy-files', 'FROM base\nCOPY tree /srv/tree\n');
      makeSmallFiles(join(context, 'tree'), 30_000);
      const archives = new Map<string, string>();
      const contenders: Contender[] = imageBuilders(bench).map((builder) => {
        const archive = join(bench.home, `copy-${builder.name}.tar`);
        archives.set(builder.name, archive);
        const before = () => rmSync(archive, { force: true });
        return builder.build({ context, file, tag: 'copy-files', cache: false, archive, before });
      });
      const measurements = await measure(contenders, 3);
      requireSameTrees(bench.home, archives);
      const sizes = [...archives].map(
        ([name, archive]) => `${name} ${(statSync(archive).size / 1e6).toFixed(1)} MB`,
      );
      return {
        measurements,
        notes: ['same files, modes and owners in all archives', `archive sizes: ${sizes.join(', ')}`],
      };
    },
  },
  {
    name: 'run',
    title: 'run --rm IMAGE true, no network',
    bar: 3,
    async run(bench) {
      const contenders = bench.builders.flatMap((builder) => builder.run?.('base') ?? []);
      return { measurements: await measure(contenders, 9), notes: [] };
    },
  },
  sizes,
];
