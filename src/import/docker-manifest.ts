import { badArchive } from './archive-error.js';

/** One image of a docker archive's manifest.json. */
export interface DockerImage {
  readonly config: string;
  readonly repoTags: readonly string[];
  readonly layers: readonly string[];
}

function bad(problem: string): Error {
  return badArchive(`manifest.json ${problem}`);
}

/** Decodes the manifest.json of a docker archive (moby's image/tarexport). */
export function decodeDockerManifest(text: Buffer): readonly DockerImage[] {
  const value = parseJson(text, 'manifest.json');
  if (!Array.isArray(value)) throw bad('is not a list');
  return value.map((image: unknown) => {
    if (typeof image !== 'object' || image === null) throw bad('lists something that is no image');
    const { Config, RepoTags, Layers } = image as Partial<Record<string, unknown>>;
    if (typeof Config !== 'string') throw bad('has an image without Config');
    return { config: Config, repoTags: strings(RepoTags, 'RepoTags'), layers: strings(Layers, 'Layers') };
  });
}

/**
 * Names by the directory of the image's top layer, from the `repositories` file that older
 * archives have: `{"name": {"tag": "<top layer's directory>"}}`.
 */
export function decodeRepositories(text: Buffer): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  const value = parseJson(text, 'repositories');
  if (typeof value !== 'object' || value === null) throw badArchive('repositories is not an object');
  for (const [name, tags] of Object.entries(value)) {
    for (const [tag, id] of Object.entries((tags ?? {}) as Record<string, unknown>)) {
      if (typeof id !== 'string') throw badArchive('repositories names no layer');
      names.set(id, [...(names.get(id) ?? []), `${name}:${tag}`]);
    }
  }
  return names;
}

function parseJson(text: Buffer, name: string): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw badArchive(`${name} is not valid JSON`, { cause: error });
  }
}

function strings(value: unknown, name: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw bad(`has ${name} that are no list of strings`);
}
