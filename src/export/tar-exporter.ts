import { mkdir, open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { cancelled } from '../core/index.js';
import { withControl } from '../image/index.js';
import { loadAddon } from '../native/index.js';
import type { ByteSink } from '../tar/index.js';
import { exporterOf } from './boundary.js';
import { resolveTarget, stageFile } from './file-target.js';
import type { ArchiveDestination, PlatformSplit } from './output-spec.js';
import { type Transfer, withTransfer } from './progress.js';
import { copyRoots, placements } from './root-trees.js';
import type { ExportControl, Exporter, ExportSource, PreparedExport } from './types.js';

export interface TarOptions {
  readonly destination: ArchiveDestination;
  readonly platformSplit: PlatformSplit;
  readonly stdout: Writable;
}

/** Exports the files of the image as a tar: owners, modes, times, links, devices, extended attributes. */
export function tarExporter(options: TarOptions): Exporter {
  const { destination, stdout } = options;
  const title = destination.kind === 'file' ? destination.path : 'standard output';
  return exporterOf(title, {
    check: async () => void (await resolveTarget(destination, stdout)),
    async prepare(source, control) {
      const target = await resolveTarget(destination, stdout);
      const pack = (path: string) =>
        withTransfer(control.events, { title: `exporting to ${title}` }, (transfer) =>
          packRoots(path, source, control, { split: options.platformSplit, transfer }),
        );
      if (target.kind === 'replace') {
        return await stageFile(target, pack);
      }
      return await prepareStream(source, pack, async (path) => {
        await using sink = await target.open();
        await copyToSink(path, sink, control.signal);
      });
    },
  });
}

/** A tar must be whole before its first byte is sent: a failure then sends nothing. */
async function prepareStream(
  source: ExportSource,
  pack: (path: string) => Promise<void>,
  send: (path: string) => Promise<void>,
): Promise<PreparedExport> {
  const held = await source.temporaryDirectory();
  const path = join(held.path, 'output');
  try {
    await pack(path);
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
  return { finalize: () => send(path), [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
}

async function packRoots(
  path: string,
  source: ExportSource,
  control: ExportControl,
  options: { readonly split: PlatformSplit; readonly transfer: Transfer },
): Promise<void> {
  const { transfer } = options;
  const places = placements(source.platforms, options.split);
  const [only] = places;
  if (only !== undefined && places.length === 1 && only.folder === '') {
    await using view = await source.rootfs(only.platform);
    return await pack(view.path, path, source, { control, transfer });
  }
  await using held = await source.temporaryDirectory();
  const tree = join(held.path, 'tree');
  await mkdir(tree);
  await copyRoots(tree, source, control, { placements: places, transfer });
  return await pack(tree, path, source, { control, transfer });
}

async function pack(
  tree: string,
  path: string,
  { sourceDateEpoch: epoch }: ExportSource,
  { control, transfer }: { readonly control: ExportControl; readonly transfer: Transfer },
): Promise<void> {
  await withControl(
    control.signal,
    (bytes) => transfer.add(bytes),
    (shared) =>
      loadAddon().pack({
        sourceRoot: tree,
        lowerRoots: [],
        omit: [],
        compression: 'none',
        level: 1,
        ...(epoch === undefined ? {} : { clampMtimeSeconds: epoch }),
        destination: path,
        threads: availableParallelism(),
        control: shared,
      }),
  );
}

async function copyToSink(path: string, sink: ByteSink, signal: AbortSignal): Promise<void> {
  const handle = await open(path, 'r');
  try {
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
      if (signal.aborted) throw cancelled();
      await sink.write(chunk as Buffer);
    }
  } finally {
    await handle.close();
  }
}
