import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { formatPlatform, type Platform } from '../core/index.js';
import { withControl } from '../image/index.js';
import { loadAddon } from '../native/index.js';
import type { PlatformSplit } from './output-spec.js';
import type { Transfer } from './progress.js';
import type { ExportControl, ExportSource } from './types.js';

/** Where the files of each platform go, relative to the output. */
interface RootPlacement {
  readonly platform: Platform;
  /** Empty: the output itself. */
  readonly folder: string;
}

/** `linux/arm/v7` has its files in `linux_arm_v7`; a single platform has none of its own, unless always. */
export function placements(platforms: readonly Platform[], split: PlatformSplit): readonly RootPlacement[] {
  const isSplit = split === 'always' || (split === 'automatic' && platforms.length > 1);
  return platforms.map((platform) => ({
    platform,
    folder: isSplit ? folderName(platform) : '',
  }));
}

/** One path component, whatever a base image says its `os.version` is. */
function folderName(platform: Platform): string {
  const { osVersion, ...rest } = platform;
  const os = osVersion ? `${platform.os}(${osVersion})` : platform.os;
  return formatPlatform({ ...rest, os }).replace(/[^A-Za-z0-9_.()-]/g, '_');
}

export interface CopyRoots {
  readonly placements: readonly RootPlacement[];
  /** Absent: owners are kept. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly transfer: Transfer;
}

/** Copies the files of all platforms below `destination`, an existing directory that nobody else sees. */
export async function copyRoots(
  destination: string,
  source: ExportSource,
  { signal }: ExportControl,
  options: CopyRoots,
): Promise<void> {
  const { sourceDateEpoch: epoch } = source;
  for (const { platform, folder } of options.placements) {
    const target = join(destination, folder);
    await mkdir(target, { recursive: true });
    await using view = await source.rootfs(platform);
    await withControl(
      signal,
      (bytes) => options.transfer.add(bytes),
      (control) =>
        loadAddon().copy({
          sourceRoot: view.path,
          sourcePaths: [''],
          sourceNames: [''],
          destinationRoot: target,
          destinationPath: '/',
          shape: 'contents',
          ...(options.owner ? { owner: options.owner } : {}),
          keepOwner: options.owner === undefined,
          ...(epoch === undefined ? {} : { mtimeSeconds: epoch }),
          keepXattrs: true,
          control,
        }),
    );
    if (folder !== '') await utimes(target, 0, epoch ?? 0);
  }
}
