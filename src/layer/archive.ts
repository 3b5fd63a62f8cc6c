import { open } from 'node:fs/promises';
import { wrapError } from '../core/index.js';
import { type NativeAddon, runWatched, type VerbWatch } from '../native/index.js';
import { type ArchiveLimits, DEFAULT_ARCHIVE_LIMITS } from './apply-layer.js';
import { firstBytes, runDecompressor } from './decompressor.js';
import { layerError } from './layer-error.js';

/** How an archive is compressed, by its first bytes. */
export type ArchiveCompression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

const MAGIC: readonly (readonly [ArchiveCompression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

function compressionOf(start: Uint8Array): ArchiveCompression {
  return MAGIC.find(([, magic]) => magic.every((byte, at) => start[at] === byte))?.[0] ?? 'none';
}

async function readStart(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw wrapError(error, 'reading an archive');
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw wrapError(error, 'reading an archive');
  } finally {
    await handle.close();
  }
}

const TAR_BLOCK = 512;

/** A tar header's checksum (POSIX ustar): the sum of its bytes, those of the checksum as blanks. */
function isTarHeader(block: Uint8Array): boolean {
  if (block.length < TAR_BLOCK) return false;
  const field = Buffer.from(block.subarray(148, 156)).toString('latin1');
  const stored = /^[ \0]*([0-7]+)[ \0]*$/.exec(field)?.[1];
  const sum = block
    .subarray(0, TAR_BLOCK)
    .reduce((a, byte, at) => a + (at >= 148 && at < 156 ? 32 : byte), 0);
  return stored !== undefined && Number.parseInt(stored, 8) === sum;
}

/**
 * What ADD extracts instead of copying it: a tar with at least one entry, plain or compressed. The
 * name does not count. Undefined for anything else, also for compressed files that are no tar.
 */
export async function detectArchive(
  addon: NativeAddon,
  file: string,
  signal?: AbortSignal,
): Promise<ArchiveCompression | undefined> {
  const compression = compressionOf(await readStart(file));
  if (compression === 'bzip2' || compression === 'xz') {
    const block = await firstBytes(compression, file, TAR_BLOCK, signal);
    return isTarHeader(block) ? compression : undefined;
  }
  const isArchive = await addon.isArchive(file).catch((error: unknown) => {
    throw layerError(error, 'reading an archive');
  });
  return isArchive ? compression : undefined;
}

export interface ExtractArchiveOptions {
  readonly file: string;
  readonly destinationRoot: string;
  /** Below destinationRoot, symlinks followed inside it; made when missing. */
  readonly destinationPath?: string;
  /** Absent: as in the archive. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly limits?: ArchiveLimits;
  readonly skipDevices?: boolean;
  /** A path for the decompressed tar of bzip2 and xz files; removed again. */
  readonly temporaryFile: string;
}

export interface ExtractedArchive {
  readonly uncompressedBytes: number;
  readonly entries: number;
}

/**
 * Extracts an archive of any kind that detectArchive knows, as ADD and import do: names with `.wh.`
 * are ordinary names. bzip2 and xz are decompressed by the host's tools.
 */
export async function extractArchive(
  addon: NativeAddon,
  options: ExtractArchiveOptions,
  watch: VerbWatch = {},
): Promise<ExtractedArchive> {
  const { file, destinationRoot, destinationPath, owner, temporaryFile } = options;
  const limits = options.limits ?? DEFAULT_ARCHIVE_LIMITS;
  const compression = compressionOf(await readStart(file));
  const extract = async (blob: string): Promise<ExtractedArchive> => {
    const applied = await runWatched(watch, (control) =>
      addon.apply({
        ...limits,
        blob,
        destinationRoot,
        whiteouts: false,
        skipDevices: options.skipDevices ?? false,
        control,
        ...(destinationPath !== undefined && { destinationPath }),
        ...(owner && { owner }),
      }),
    ).catch((error: unknown) => {
      throw layerError(error, 'extracting an archive');
    });
    return { uncompressedBytes: applied.uncompressedBytes, entries: applied.entries };
  };
  if (compression !== 'bzip2' && compression !== 'xz') return extract(file);
  return runDecompressor(compression, file, { temporaryFile, maxBytes: limits.maxBytes, ...watch }, extract);
}
