import { stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ForgeError, formatReference, isNotFound, wrapError } from '../core/index.js';
import type { NamedImage } from '../export/index.js';
import type { BuildRequest } from './types.js';

/** `--iidfile` and `--metadata-file`, written when everything else is in place. */
export async function writeIdentityFiles(
  request: BuildRequest,
  image: NamedImage | undefined,
): Promise<void> {
  const { iidFile, metadataFile } = request;
  if (iidFile !== undefined && image) await write(iidFile, identity(image));
  if (metadataFile !== undefined) {
    await write(metadataFile, `${JSON.stringify(metadata(image), undefined, 2)}\n`);
  }
}

/** The config's digest, as docker build writes it; an index has only its own. */
function identity({ images, root }: NamedImage): string {
  const [only, ...others] = images;
  return only && others.length === 0 ? only.config.descriptor.digest : root.descriptor.digest;
}

/** buildx's names for what was built. */
function metadata(image: NamedImage | undefined): Readonly<Record<string, unknown>> {
  if (!image) return {};
  const [only, ...others] = image.images;
  return {
    ...(only && others.length === 0 ? { 'containerimage.config.digest': only.config.descriptor.digest } : {}),
    'containerimage.descriptor': image.root.descriptor,
    'containerimage.digest': image.root.descriptor.digest,
    ...(image.names.length > 0 ? { 'image.name': image.names.map(formatReference).join(',') } : {}),
  };
}

async function write(path: string, text: string): Promise<void> {
  try {
    await stat(dirname(path));
    await writeFile(path, text);
  } catch (error) {
    if (!isNotFound(error)) throw wrapError(error, `writing ${path}`);
    throw new ForgeError(
      'user/output-path',
      `invalid output path: stat ${dirname(path)}: no such file or directory`,
      {
        cause: error,
      },
    );
  }
}
