import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { ForgeError } from '../core/index.js';
import { type ArchiveMember, type ByteSink, contentBytes, fileSink, writeArchive } from '../tar/index.js';
import { exporterOf } from './boundary.js';
import { resolveTarget, stageFile } from './file-target.js';
import { archiveMembers } from './layout-documents.js';
import type { ArchiveDestination } from './output-spec.js';
import { withTransfer } from './progress.js';
import type { ExportControl, Exporter, ExportSource, NamedImage, PreparedExport } from './types.js';

/** The archive of an OCI layout; for Docker with a `manifest.json` besides, so that one file serves both. */
export interface ArchiveOptions {
  readonly format: 'oci' | 'docker';
  readonly destination: ArchiveDestination;
  readonly stdout: Writable;
}

/** Exports images as one tar file. */
export function archiveExporter(options: ArchiveOptions): Exporter {
  const { format, destination, stdout } = options;
  const title = destination.kind === 'file' ? destination.path : 'standard output';
  return exporterOf(title, {
    check: async () => void (await resolveTarget(destination, stdout)),
    async prepare(source, control) {
      const members = await membersOf(source, format);
      const target = await resolveTarget(destination, stdout);
      const write = (sink: ByteSink) => writeMembers(members, sink, title, control);
      if (target.kind === 'replace') {
        return await stageFile(target, async (path) => {
          const handle = await open(path, 'wx');
          try {
            await write(fileSink(handle));
          } finally {
            await handle.close();
          }
        });
      }
      return streamed(async () => {
        await using sink = await target.open();
        await write(sink);
      });
    },
  });
}

async function membersOf(source: ExportSource, format: 'oci' | 'docker'): Promise<readonly ArchiveMember[]> {
  const images = await source.images();
  if (format === 'docker') refuseIndexes(images);
  return archiveMembers(images, (digest) => source.blobPath(digest), format);
}

function refuseIndexes(images: readonly NamedImage[]): void {
  if (images.every(({ images: parts }) => parts.length === 1)) return;
  throw new ForgeError('user/output', 'docker exporter does not currently support exporting manifest lists', {
    hint: 'use type=oci, or one --platform',
  });
}

async function writeMembers(
  members: readonly ArchiveMember[],
  sink: ByteSink,
  title: string,
  { signal, events }: ExportControl,
): Promise<void> {
  await withTransfer(
    events,
    { title: `exporting to ${title}`, totalBytes: contentBytes(members) },
    (transfer) => writeArchive(members, sink, { signal, onBytes: (bytes) => transfer.add(bytes) }),
  );
}

/** An export to a stream: nothing can be prepared but what to write. */
function streamed(write: () => Promise<void>): PreparedExport {
  return { finalize: write, [Symbol.asyncDispose]: async () => {} };
}
