import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { type Digest, ForgeError } from '../../src/core/index.js';
import {
  chainIds,
  decodeDescriptor,
  decodeImageConfig,
  decodeIndex,
  decodeLayout,
  decodeManifest,
  isLayerType,
  mediaType,
  toDockerMediaType,
  toOciMediaType,
} from '../../src/oci/index.js';
import { schemaErrors } from './image-spec-schema.js';

interface Case {
  readonly id: string;
  readonly schema?: string;
  readonly document?: string;
  readonly valid?: boolean;
  readonly diff_ids?: readonly Digest[];
  readonly chain_ids?: readonly string[];
}

const recorded = JSON.parse(readFileSync('../shared/conformance/oci-image/cases.json', 'utf8')) as {
  readonly cases: readonly Case[];
};

/** One recorded case holds two documents with the Go source between them: each is a case of its own. */
const cases = recorded.cases.flatMap((entry) => {
  const [first = '', ...more] = entry.document?.split(/\n`,\n[^`]*`/) ?? [];
  if (more.length === 0) return [entry];
  return [first, ...more].map((document, position) => ({
    ...entry,
    id: `${entry.id}.${position}`,
    document,
  }));
});

const decoders: Readonly<Record<string, (document: string | Uint8Array) => unknown>> = {
  'config-schema.json': (document) => decodeImageConfig(document),
  'content-descriptor.json': (document) => decodeDescriptor(document),
  'image-index-schema.json': (document) => decodeIndex(document),
  'image-layout-schema.json': (document) => decodeLayout(document),
  'image-manifest-schema.json': (document) => decodeManifest(document, { layers: 'spec' }),
};

function decode(schema: string, document: string | Uint8Array): unknown {
  const decoder = decoders[schema];
  if (decoder === undefined) throw new Error(`no decoder for ${schema}`);
  return decoder(document);
}

function errorOf(run: () => unknown): ForgeError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ForgeError) return error;
    throw error;
  }
}

const sha = (letter: string) => `sha256:${letter.repeat(64)}`;
const layer = { mediaType: mediaType.layerGzip, size: 10, digest: sha('a') };
const manifest = {
  schemaVersion: 2,
  mediaType: mediaType.manifest,
  config: { mediaType: mediaType.config, size: 2, digest: sha('b') },
  layers: [layer],
};

for (const { id, schema, document, valid } of cases) {
  if (schema === undefined || document === undefined) continue;
  test(`image-spec: ${id}`, (t) => {
    const error = errorOf(() => decode(schema, document));
    if (!valid) return t.is(error?.code, 'integrity/document');
    // Valid, but nothing that forge can verify: the only valid documents that are refused.
    if (/"(?:sha256[+.]|multihash)/.test(document)) return t.is(error?.code, 'integrity/digest-algorithm');
    return t.is(error?.message, undefined);
  });
}

for (const { id, diff_ids: diffIds, chain_ids: expected } of cases) {
  if (diffIds === undefined) continue;
  test(`image-spec: ${id}`, (t) => t.deepEqual(chainIds(diffIds), expected as readonly Digest[]));
}

test('errors name the place and what is wrong', (t) => {
  const wrong: readonly (readonly [() => unknown, string])[] = [
    [() => decodeIndex('[]', 'index.json'), 'index.json: must be an object, is an array'],
    [() => decodeIndex('{', 'index.json'), 'index.json: is not valid JSON'],
    [() => decodeIndex('{"schemaVersion":2}'), 'index.manifests: must be an array, is missing'],
    [
      () => decodeIndex('{"schemaVersion":1,"manifests":[]}'),
      'index: is a Docker schema 1 image, a format given up in 2017',
    ],
    [() => decodeIndex('{"schemaVersion":3,"manifests":[]}'), 'index.schemaVersion: must be 2, is 3'],
    [
      () => decodeManifest(JSON.stringify({ ...manifest, layers: [layer, { ...layer, size: -1 }] })),
      'manifest.layers[1].size: must not be negative, is -1',
    ],
    [
      () => decodeManifest(JSON.stringify({ ...manifest, layers: [{ ...layer, size: 2 ** 53 }] })),
      'manifest.layers[0].size: must be an integer below 2^53, is 9007199254740992',
    ],
    [
      () => decodeManifest(JSON.stringify({ ...manifest, layers: [{ ...layer, digest: 'sha256:../../x' }] })),
      'manifest.layers[0].digest: "sha256:../../x" is not a digest',
    ],
    [
      () => decodeManifest(JSON.stringify({ ...manifest, layers: [{ ...layer, digest: '' }] })),
      'manifest.layers[0].digest: "" is not a digest',
    ],
    [
      () => decodeManifest(JSON.stringify({ ...manifest, layers: [{ ...layer, digest: sha('A') }] })),
      `manifest.layers[0].digest: "${sha('A')}" is not a digest: its length or a digit is wrong`,
    ],
    [
      () => decodeManifest(JSON.stringify({ ...manifest, annotations: { k: 1 } })),
      'manifest.annotations["k"]: must be a string, is a number',
    ],
    [
      () =>
        decodeImageConfig(
          '{"architecture":"a","os":"o","rootfs":{"type":"layers","diff_ids":[]},"created":"x"}',
        ),
      'config.created: "x" is not an RFC 3339 time',
    ],
    [
      () => decodeImageConfig('{"architecture":"a","os":"o","rootfs":{"type":"layers"}}'),
      'config.rootfs.diff_ids: must be an array, is missing',
    ],
  ];
  for (const [run, message] of wrong) t.is(errorOf(run)?.message, message);
});

test('a document that is an index and a manifest at once is refused', (t) => {
  const both = JSON.stringify({ ...manifest, manifests: [] });
  t.is(
    errorOf(() => decodeManifest(both))?.message,
    'manifest: has "manifests", which a manifest must not have',
  );
  t.is(errorOf(() => decodeIndex(both))?.message, 'index: has "config", which an index must not have');
  const lying = JSON.stringify({ ...manifest, mediaType: mediaType.index });
  t.is(
    errorOf(() => decodeManifest(lying))?.message,
    `manifest.mediaType: "${mediaType.index}" is another kind of document`,
  );
});

test('size and depth of a document are bounded', (t) => {
  const large = `{"schemaVersion":2,"manifests":[],"annotations":{"x":"${'x'.repeat(4 << 20)}"}}`;
  t.is(
    errorOf(() => decodeIndex(large))?.message,
    `index: is ${large.length} bytes long; at most 4194304 are accepted`,
  );
  const deep = '['.repeat(1_000_000);
  t.is(errorOf(() => decodeManifest(deep))?.code, 'integrity/document');
  const nested = `{"schemaVersion":2,"manifests":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
  t.is(errorOf(() => decodeIndex(nested))?.message, 'index.manifests[0]: must be an object, is an array');
});

test('bytes that are not UTF-8, or start with a byte order mark, are refused', (t) => {
  t.is(
    errorOf(() => decodeLayout(Buffer.from('{"imageLayoutVersion":"1.0.0\xff"}', 'latin1')))?.code,
    'integrity/document',
  );
  t.is(
    errorOf(() => decodeLayout(Buffer.from('\ufeff{"imageLayoutVersion":"1.0.0"}')))?.code,
    'integrity/document',
  );
});

test("an image without layers is read, as builders make them, but is not the spec's", (t) => {
  const empty = JSON.stringify({ ...manifest, layers: [] });
  t.deepEqual(decodeManifest(empty).layers, []);
  t.is(
    errorOf(() => decodeManifest(empty, { layers: 'spec' }))?.message,
    'manifest.layers: must not be empty',
  );
  const config =
    '{"architecture":"a","os":"o","rootfs":{"type":"layers","diff_ids":null},"config":{"Env":null}}';
  t.deepEqual(decodeImageConfig(config), {
    architecture: 'a',
    os: 'o',
    config: {},
    rootfs: { type: 'layers', diff_ids: [] },
  });
});

test('Docker schema 2 manifests are given in OCI terms', (t) => {
  const docker = decodeManifest(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaType.dockerManifest,
      config: { mediaType: 'application/octet-stream', size: 2, digest: sha('b') },
      layers: [
        { ...layer, mediaType: mediaType.dockerLayerGzip },
        { ...layer, mediaType: mediaType.dockerForeignLayerGzip, urls: ['https://example.com/x'] },
      ],
    }),
  );
  t.is(docker.config.mediaType, mediaType.config);
  t.deepEqual(
    docker.layers.map((entry) => entry.mediaType),
    [mediaType.layerGzip, mediaType.foreignLayerGzip],
  );
});

test('media types convert both ways', (t) => {
  for (const type of Object.values(mediaType))
    t.is(toOciMediaType(toDockerMediaType(type)), toOciMediaType(type));
  t.is(toDockerMediaType(mediaType.layerZstd), mediaType.dockerLayerZstd);
  t.is(toOciMediaType('application/x'), 'application/x');
  t.deepEqual(
    Object.values(mediaType).filter((type) => isLayerType(type)),
    Object.entries(mediaType)
      .filter(([name]) => /layer/i.test(name))
      .map(([, type]) => type),
  );
});

test('names like __proto__ are kept as data', (t) => {
  const { annotations } = decodeManifest(
    JSON.stringify(manifest).replace(/}$/, ',"annotations":{"__proto__":"x","a":"b"}}'),
  );
  t.deepEqual(Object.entries(annotations ?? {}), [
    ['__proto__', 'x'],
    ['a', 'b'],
  ]);
  const inherited = JSON.parse('{"__proto__":{"schemaVersion":2,"manifests":[]}}');
  t.is(errorOf(() => decodeIndex(JSON.stringify(inherited)))?.code, 'integrity/document');
});

/** Every document made from a valid one by replacing one value somewhere. */
function mutated(document: unknown, path: readonly number[], replacement: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined || typeof document !== 'object' || document === null) return replacement;
  const keys = Object.keys(document);
  const key = keys[head % Math.max(keys.length, 1)];
  if (key === undefined) return replacement;
  const copy = (Array.isArray(document) ? [...document] : { ...document }) as Record<string, unknown>;
  copy[key] = mutated(copy[key], rest, replacement);
  return copy;
}

test('whatever the decoders accept, the schemas of the image-spec accept', (t) => {
  const valid = cases.filter((c) => c.valid && c.schema !== undefined);
  const replacement = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constantFrom([], {}, [''], { '': 1 }, 'sha256:x', 'a/b', '1.0.0', 2),
  );
  let accepted = 0;
  const property = fc.property(
    fc.constantFrom(...valid),
    fc.array(fc.nat(12), { maxLength: 4 }),
    replacement,
    ({ schema = '', document = '' }, path, value) => {
      const changed = mutated(JSON.parse(document), path, value);
      if (errorOf(() => decode(schema, JSON.stringify(changed))) !== undefined) return;
      accepted += 1;
      const errors = schemaErrors(schema, JSON.parse(JSON.stringify(changed)));
      if (errors !== undefined) throw new Error(`${schema}: ${errors}: ${JSON.stringify(changed)}`);
    },
  );
  fc.assert(property, { numRuns: 3000 });
  t.true(accepted > 100, `only ${accepted} documents were accepted`);
});

test('what is decoded from a valid document is valid again and decodes to itself', (t) => {
  for (const { id, schema, document, valid } of cases) {
    if (!valid || schema === undefined || document === undefined || schema === 'image-layout-schema.json')
      continue;
    if (/"(?:sha256[+.]|multihash)/.test(document)) continue;
    const decoded = decode(schema, document);
    t.is(schemaErrors(schema, decoded), undefined, id);
    t.deepEqual(decode(schema, JSON.stringify(decoded)), decoded, id);
  }
});
