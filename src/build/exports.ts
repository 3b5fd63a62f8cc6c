import type { Platform } from '../core/index.js';
import type { Exporter, ExportSource, ImageOptions, NamedImage, PreparedExport } from '../export/index.js';
import { fullPlatform } from '../graph/index.js';
import { mountView } from '../snapshot/index.js';
import type { Solver } from '../solve/index.js';
import type { Store } from '../store/index.js';
import type { SolvedPlatform } from './assemble-images.js';
import { sourceDateEpoch } from './plan.js';
import type { BuildRequest, Caller } from './types.js';

export interface ExportInput {
  readonly request: BuildRequest;
  readonly store: Store;
  readonly caller: Caller;
  readonly solver: Solver;
  readonly platforms: readonly SolvedPlatform[];
  readonly assemble: (options: ImageOptions) => Promise<NamedImage>;
  /** One for each output that leaves the store, in order. */
  readonly exporters: readonly Exporter[];
}

/** Prepares all outputs, then puts all in place: a failure leaves every destination as it was. */
export async function runExports(input: ExportInput): Promise<readonly string[]> {
  const { exporters, caller } = input;
  const specs = input.request.outputs.filter(({ type }) => type !== 'store');
  const prepared: PreparedExport[] = [];
  try {
    for (const [index, exporter] of exporters.entries()) {
      const spec = specs[index];
      const options = spec && 'image' in spec ? spec.image : undefined;
      prepared.push(await exporter.prepare(exportSource(input, options), caller));
    }
    for (const { finalize } of prepared) await finalize();
  } finally {
    for (const one of prepared) await one[Symbol.asyncDispose]();
  }
  return exporters.map(({ title }) => title);
}

function exportSource(input: ExportInput, options: ImageOptions | undefined): ExportSource {
  const { store, platforms, solver, assemble } = input;
  const [first] = platforms;
  const epoch = first && sourceDateEpoch(first.plan.graph);
  return {
    platforms: platforms.map(({ plan }) => plan.platform),
    images: async () => (options ? [await assemble(options)] : []),
    rootfs: async (platform: Platform) => {
      const solved =
        platforms.find(({ plan }) => fullPlatform(plan.platform) === fullPlatform(platform)) ?? first;
      const snapshots = solved ? await solver.snapshots(solved.plan.graph.target.state) : [];
      return mountView(store, [...snapshots].reverse());
    },
    blobPath: (digest) => store.blobs.path(digest),
    temporaryDirectory: () => store.temporary.directory(),
    ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
  };
}
