import { ForgeError, formatPlatform, type Platform, parsePlatform } from '../core/index.js';

const TARGETS = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;

/** Where an annotation stands. */
export type AnnotationTarget = (typeof TARGETS)[number];

/** One annotation that the user asked for. */
export interface Annotation {
  readonly target: AnnotationTarget;
  /** Only for the image of this platform. */
  readonly platform?: Platform;
  readonly key: string;
  readonly value: string;
}

function problem(text: string): ForgeError {
  return new ForgeError('user/annotation', `parse annotations: ${text}`, {
    hint: 'write it as KEY=VALUE or TYPE[os/arch]:KEY=VALUE; types are manifest, index, manifest-descriptor and index-descriptor',
  });
}

function target(name: string): AnnotationTarget {
  const found = TARGETS.find((known) => known === (name === '' ? 'manifest' : name));
  if (found === undefined) throw problem(`unknown annotation type ${JSON.stringify(name)}`);
  return found;
}

function placed(type: string, platform: string | undefined, key: string, value: string): Annotation {
  if (key === '') throw problem(`the annotation with the value ${JSON.stringify(value)} has no key`);
  return { target: target(type), ...(platform ? { platform: parsePlatform(platform) } : {}), key, value };
}

/**
 * The value of `--annotation`: `[TYPE[os/arch],…:]KEY=VALUE`, one annotation for each type.
 * Malformed: `user/annotation`.
 */
export function parseAnnotation(text: string): readonly Annotation[] {
  const equals = text.indexOf('=');
  if (equals < 0) throw problem(`invalid annotation ${JSON.stringify(text)}, expected key=value`);
  const [before, value] = [text.slice(0, equals), text.slice(equals + 1)];
  const colon = before.indexOf(':');
  if (colon < 0) return [placed('', undefined, before, value)];
  const key = before.slice(colon + 1);
  return before
    .slice(0, colon)
    .split(',')
    .map((place) => {
      const match = /^([a-z-]+)(?:\[([A-Za-z0-9_/.()-]+)\])?$/.exec(place);
      if (match === null) throw problem(`invalid annotation type ${JSON.stringify(place)}`);
      return placed(match[1] ?? '', match[2], key, value);
    });
}

/** A key of `--output` such as `annotation-manifest[linux/amd64].K`; undefined when it is another key. */
export function parseAnnotationAttribute(name: string, value: string): Annotation | undefined {
  const match = /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/.()-]+)\])?\.(.+)$/.exec(name);
  return match === null ? undefined : placed(match[1] ?? '', match[2], match[3] ?? '', value);
}

/** The annotations of one target; for a manifest, those of its platform alone included. The last of a key wins. */
export function annotationsOf(
  annotations: readonly Annotation[],
  wanted: AnnotationTarget,
  platform?: Platform,
): Readonly<Record<string, string>> {
  const fits = (a: Annotation) =>
    a.target === wanted &&
    (a.platform === undefined ||
      (platform !== undefined && formatPlatform(a.platform) === formatPlatform(platform)));
  return Object.fromEntries(annotations.filter(fits).map(({ key, value }) => [key, value]));
}

/** Annotations of an index on a build for one platform, which has none: `user/annotation`. */
export function refuseIndexAnnotations(annotations: readonly Annotation[]): void {
  const found = annotations.find(({ target: place }) => place.startsWith('index'));
  if (found === undefined) return;
  throw new ForgeError('user/annotation', 'index annotations not supported for single platform export', {
    hint: `${found.key} can be set on the manifest, or give --platform with several platforms`,
  });
}
