import { posix } from 'node:path';
import { ForgeError } from '../core/index.js';
import { Attributes, imageOptions } from './attributes.js';
import { csvFields } from './csv.js';
import type { ArchiveDestination, OutputSpec, PlatformSplit } from './output-spec.js';

const TYPES = ['oci', 'docker', 'local', 'tar', 'image'];
const COMPRESSED_TAR = /\.(?:tgz|txz|tzst|tar\.(?:gz|xz|zst|bz2))$/i;

/**
 * Parses one `--output` in buildx's syntax: `type=TYPE,key=value,…` (CSV), or `-` for a tar of the
 * files to standard output, or a path. A path that ends in `.tar` is an OCI archive; any other is a
 * directory for the files. Unknown types, keys and values: `user/output`.
 */
export function parseOutput(text: string): OutputSpec {
  const fields = csvFields(text);
  const isBare = fields.length === 1 && fields[0] === text && !text.startsWith('type=');
  return isBare ? bareOutput(text) : fromAttributes(parseAttributes(fields));
}

/** All `--output` values of a command; an empty one stands for none. */
export function parseOutputs(texts: readonly string[]): readonly OutputSpec[] {
  const specs = texts.filter((text) => text !== '').map(parseOutput);
  const streams = specs.filter((spec) => 'destination' in spec && spec.destination.kind === 'stdout');
  if (streams.length > 1) {
    throw new ForgeError('user/output', 'only one output can go to standard output', {
      hint: 'give the others a dest=FILE',
    });
  }
  return specs;
}

/**
 * Refuses `mode=delete` for a directory that is not strictly inside the working directory, unless
 * `--allow buildx.local.delete` was given: `user/output`.
 */
export function refuseUnsafeDelete(spec: OutputSpec, workingDirectory: string, isAllowed: boolean): void {
  if (spec.type !== 'local' || spec.mode !== 'delete' || isAllowed) return;
  const relative = posix.relative(workingDirectory, posix.resolve(workingDirectory, spec.directory));
  if (relative !== '' && relative !== '..' && !relative.startsWith('../')) return;
  throw new ForgeError(
    'user/output',
    `local output mode=delete for destination ${JSON.stringify(spec.directory)} requires --allow=buildx.local.delete`,
    { hint: 'everything in that directory that the image does not have would be removed' },
  );
}

function bareOutput(text: string): OutputSpec {
  if (text === '-') return fromAttributes(new Attributes('tar', new Map([['dest', '-']])));
  if (COMPRESSED_TAR.test(text)) {
    throw new ForgeError('user/output', `${text}: image archives are not compressed as a whole`, {
      hint: `their layers are; write -o ${text.replace(COMPRESSED_TAR, '.tar')}, or type=local,dest=${text} for a directory`,
    });
  }
  const type = text.endsWith('.tar') ? 'oci' : 'local';
  return fromAttributes(new Attributes(type, new Map([['dest', text]])));
}

function parseAttributes(fields: readonly string[]): Attributes {
  const pairs = new Map<string, string>();
  for (const field of fields) {
    const equals = field.indexOf('=');
    if (equals < 0) {
      throw new ForgeError('user/output', `invalid value ${field}`, {
        hint: 'write key=value, separated by commas',
      });
    }
    const key = field.slice(0, equals).trim();
    // Only annotation keys may differ in case from one another.
    pairs.set(/^annotation[-.[]/i.test(key) ? key : key.toLowerCase(), field.slice(equals + 1));
  }
  const type = pairs.get('type');
  pairs.delete('type');
  if (type) return new Attributes(type, pairs);
  throw new ForgeError('user/output', 'type is required for output', {
    hint: `types are ${TYPES.join(', ')}`,
  });
}

function fromAttributes(attributes: Attributes): OutputSpec {
  const spec = specOf(attributes);
  attributes.finish();
  return spec;
}

function specOf(attributes: Attributes): OutputSpec {
  switch (attributes.type) {
    case 'oci':
      return ociOutput(attributes);
    case 'docker':
      return dockerOutput(attributes);
    case 'image':
      return { type: 'store', image: imageOptions(attributes) };
    case 'local':
      return localOutput(attributes);
    case 'tar':
      return {
        type: 'tar',
        destination: archiveDestination(attributes),
        platformSplit: platformSplit(attributes),
      };
    default:
      throw new ForgeError('user/output', `unknown output type ${JSON.stringify(attributes.type)}`, {
        hint: `types are ${TYPES.join(', ')}`,
      });
  }
}

function ociOutput(attributes: Attributes): OutputSpec {
  if (attributes.boolean('tar') ?? true) {
    const destination = archiveDestination(attributes);
    return { type: 'oci-archive', destination, image: imageOptions(attributes) };
  }
  const directory = requiredDirectory(attributes, 'oci');
  return { type: 'oci-layout', directory, image: imageOptions(attributes) };
}

function dockerOutput(attributes: Attributes): OutputSpec {
  const dest = attributes.take('dest');
  if (!dest) {
    throw new ForgeError('user/output', 'dest is required for docker exporter', {
      hint: 'there is no Docker daemon to load into: give dest=FILE.tar, or type=image for the store of forge',
    });
  }
  return { type: 'docker-archive', destination: destinationOf(dest), image: imageOptions(attributes) };
}

function localOutput(attributes: Attributes): OutputSpec {
  const directory = requiredDirectory(attributes, 'local');
  const mode = attributes.choice('mode', ['copy', 'delete']) ?? 'copy';
  return { type: 'local', directory, mode, platformSplit: platformSplit(attributes) };
}

function requiredDirectory(attributes: Attributes, type: string): string {
  const dest = attributes.take('dest');
  if (!dest) {
    throw new ForgeError('user/output', `dest is required for ${type} exporter`, {
      hint: 'give dest=DIRECTORY',
    });
  }
  if (dest !== '-') return dest;
  throw new ForgeError('user/output', `a directory cannot be written to standard output`, {
    hint: 'give dest=DIRECTORY, or a type that makes an archive',
  });
}

function platformSplit(attributes: Attributes): PlatformSplit {
  const isSplit = attributes.boolean('platform-split');
  if (isSplit === undefined) return 'automatic';
  return isSplit ? 'always' : 'never';
}

/** Without `dest`, archives go to standard output. */
function archiveDestination(attributes: Attributes): ArchiveDestination {
  return destinationOf(attributes.take('dest') || '-');
}

function destinationOf(dest: string): ArchiveDestination {
  return dest === '-' ? { kind: 'stdout' } : { kind: 'file', path: dest };
}
