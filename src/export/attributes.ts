import { ForgeError, parseReference, type Reference } from '../core/index.js';
import { type Annotation, parseAnnotationAttribute } from '../image/index.js';
import type { CompressionKind } from '../native/index.js';
import type { ImageOptions } from './output-spec.js';

/** The `key=value` pairs of one `--output`; taking a key marks it as known. */
export class Attributes {
  readonly #left: Map<string, string>;
  readonly #known: string[] = ['type'];

  constructor(
    readonly type: string,
    pairs: ReadonlyMap<string, string>,
  ) {
    this.#left = new Map(pairs);
  }

  take(key: string): string | undefined {
    this.#known.push(key);
    const value = this.#left.get(key);
    this.#left.delete(key);
    return value;
  }

  boolean(key: string): boolean | undefined {
    const value = this.take(key);
    if (value === undefined) return undefined;
    if (/^(?:1|t|true)$/i.test(value)) return true;
    if (/^(?:0|f|false)$/i.test(value)) return false;
    throw this.invalid(key, value, 'true or false');
  }

  choice<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const value = this.take(key);
    const found = choices.find((choice) => choice === value);
    if (value !== undefined && found === undefined) throw this.invalid(key, value, choices.join(', '));
    return found;
  }

  annotations(): readonly Annotation[] {
    this.#known.push('annotation.KEY');
    return [...this.#left].flatMap(([name, value]) => {
      const annotation = parseAnnotationAttribute(name, value);
      if (annotation === undefined) return [];
      this.#left.delete(name);
      return [annotation];
    });
  }

  invalid(key: string, value: string, wanted: string): ForgeError {
    return new ForgeError(
      'user/output',
      `invalid value ${JSON.stringify(value)} for ${key} of --output type=${this.type}`,
      {
        hint: `it is one of: ${wanted}`,
      },
    );
  }

  /** Every key that nothing took is an error: nothing is silently without effect. */
  finish(): void {
    const [unknown] = this.#left.keys();
    if (unknown === undefined) return;
    throw new ForgeError('user/output', `--output type=${this.type} has no key ${JSON.stringify(unknown)}`, {
      hint: `its keys are ${this.#known.join(', ')}`,
    });
  }
}

const COMPRESSIONS = { uncompressed: 'none', gzip: 'gzip', zstd: 'zstd' } as const;
const HIGHEST: Readonly<Record<CompressionKind, number>> = { none: 0, gzip: 12, zstd: 19 };

/** The keys that all images have. */
export function imageOptions(attributes: Attributes): ImageOptions {
  const named = attributes.choice('compression', ['uncompressed', 'gzip', 'zstd']);
  const compression = COMPRESSIONS[named ?? 'gzip'];
  const level = compressionLevel(attributes, compression);
  const names = attributes.take('name');
  const epoch = sourceDateEpoch(attributes);
  return {
    compression,
    ...(level === undefined ? {} : { compressionLevel: level }),
    forceCompression: attributes.boolean('force-compression') ?? false,
    mediaTypes: (attributes.boolean('oci-mediatypes') ?? true) ? 'oci' : 'docker',
    rewriteTimestamp: attributes.boolean('rewrite-timestamp') ?? false,
    annotations: attributes.annotations(),
    ...(names ? { names: parseNames(names) } : {}),
    ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
  };
}

function compressionLevel(attributes: Attributes, compression: CompressionKind): number | undefined {
  const text = attributes.take('compression-level');
  if (text === undefined) return undefined;
  const highest = HIGHEST[compression];
  const level = Number(text);
  if (/^\d+$/.test(text) && level >= 1 && level <= highest) return level;
  const wanted = highest === 0 ? 'none, as there is no compression' : `1 to ${highest} for ${compression}`;
  throw attributes.invalid('compression-level', text, wanted);
}

function sourceDateEpoch(attributes: Attributes): number | 'none' | undefined {
  const text = attributes.take('source-date-epoch');
  if (text === undefined) return undefined;
  if (text === '') return 'none';
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw attributes.invalid('source-date-epoch', text, 'a number of seconds since 1970, or nothing');
}

function parseNames(text: string): readonly Reference[] {
  return text.split(',').map((name) => parseReference(name.trim()));
}
