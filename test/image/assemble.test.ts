import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { digestOf, ForgeError, parsePlatform } from '../../src/core/index.js';
import {
  type AssembleInput,
  annotationsOf,
  assembleImage,
  assembleIndex,
  type ImageLayer,
  parseAnnotation,
  parseAnnotationAttribute,
  refuseIndexAnnotations,
} from '../../src/image/index.js';
import {
  type ContainerConfig,
  decodeImageConfig,
  decodeIndex,
  decodeManifest,
  mediaType,
  scratchConfig,
} from '../../src/oci/index.js';
import { schemaErrors } from '../oci/image-spec-schema.js';

const amd64 = parsePlatform('linux/amd64');

function layer(name: string, createdMs?: number): ImageLayer {
  const descriptor = { mediaType: mediaType.layerGzip, digest: digestOf(`gz ${name}`), size: name.length };
  return { diffId: digestOf(name), descriptor, ...(createdMs === undefined ? {} : { createdMs }) };
}

const plain: AssembleInput = {
  platform: amd64,
  config: scratchConfig(amd64),
  base: { history: [], layers: [] },
  instructions: [{ createdBy: 'COPY a.txt / # buildkit', hasLayer: true }],
  layers: [layer('a')],
  time: { kind: 'epoch', ms: 1_704_067_200_000 },
  mediaTypes: 'oci',
};

function errorOf(run: () => unknown): ForgeError {
  try {
    run();
  } catch (error) {
    if (error instanceof ForgeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('the bytes of an image', (t) => {
  const image = assembleImage({
    ...plain,
    author: 'me',
    config: { Shell: ['/bin/sh', '-c'], Labels: { b: '2', a: '1' }, Cmd: [], User: '', ...plain.config },
    instructions: [...plain.instructions, { createdBy: 'CMD []', hasLayer: false }],
    annotations: { z: '1', a: '2' },
    descriptorAnnotations: { d: '3' },
  });
  t.is(
    image.config.bytes.toString(),
    '{"architecture":"amd64","author":"me","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],' +
      '"WorkingDir":"/","Labels":{"a":"1","b":"2"},"Shell":["/bin/sh","-c"]},"created":"2024-01-01T00:00:00Z",' +
      '"history":[{"created":"2024-01-01T00:00:00Z","created_by":"COPY a.txt / # buildkit","comment":"buildkit.dockerfile.v0"},' +
      '{"created":"2024-01-01T00:00:00Z","created_by":"CMD []","comment":"buildkit.dockerfile.v0","empty_layer":true}],' +
      `"os":"linux","rootfs":{"type":"layers","diff_ids":["${digestOf('a')}"]}}`,
  );
  t.is(
    image.manifest.bytes.toString(),
    `{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": "${digestOf(image.config.bytes)}",
    "size": ${image.config.bytes.length}
  },
  "layers": [
    {
      "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
      "digest": "${digestOf('gz a')}",
      "size": 1
    }
  ],
  "annotations": {
    "a": "2",
    "z": "1"
  }
}`,
  );
  t.deepEqual(image.manifest.descriptor, {
    mediaType: mediaType.manifest,
    digest: digestOf(image.manifest.bytes),
    size: image.manifest.bytes.length,
    annotations: { d: '3' },
    platform: { architecture: 'amd64', os: 'linux' },
  });
});

interface RecordedImage {
  readonly platform: string;
  readonly os_version?: string;
  readonly config?: ContainerConfig;
  readonly created?: string;
  readonly author?: string;
  readonly history?: readonly { readonly created_by: string; readonly empty_layer?: true }[];
}

interface RecordedCase {
  readonly id: string;
  readonly steps: readonly { readonly expect: { readonly images?: readonly RecordedImage[] } }[];
}

test('every recorded configuration comes out as BuildKit wrote it', (t) => {
  const { cases } = JSON.parse(readFileSync('../shared/conformance/integration/cases.json', 'utf8')) as {
    readonly cases: readonly RecordedCase[];
  };
  let checked = 0;
  for (const { id, steps } of cases) {
    for (const recorded of steps.flatMap((step) => step.expect.images ?? [])) {
      if (recorded.config === undefined) continue;
      checked += 1;
      const history = recorded.history ?? [];
      const made = history.filter((entry) => !entry.empty_layer).map((_, i) => layer(`${i}`));
      const epochMs = recorded.created === undefined ? 0 : Date.parse(recorded.created);
      const image = assembleImage({
        ...plain,
        platform: {
          ...parsePlatform(recorded.platform),
          ...(recorded.os_version ? { osVersion: recorded.os_version } : {}),
        },
        ...(recorded.author ? { author: recorded.author } : {}),
        // Back to front, with all that is unset: neither may matter.
        config: {
          User: '',
          Cmd: null,
          Volumes: {},
          ArgsEscaped: false,
          ...Object.fromEntries(Object.entries(recorded.config).reverse()),
        },
        instructions: history.map((entry) => ({ createdBy: entry.created_by, hasLayer: !entry.empty_layer })),
        layers: made,
        time: { kind: 'epoch', ms: epochMs },
      });
      const config = JSON.parse(image.config.bytes.toString());
      t.deepEqual(config.config, recorded.config, id);
      t.deepEqual(Object.keys(config), Object.keys(config).sort(), id);
      t.is(config.author, recorded.author, id);
      t.is(config.created, recorded.created ?? '1970-01-01T00:00:00Z', id);
      t.deepEqual(
        config.history,
        history.map((entry) => ({
          created: config.created,
          created_by: entry.created_by,
          comment: 'buildkit.dockerfile.v0',
          ...(entry.empty_layer ? { empty_layer: true } : {}),
        })),
        id,
      );
      t.is(schemaErrors('config-schema.json', config), undefined, id);
      t.deepEqual(decodeImageConfig(image.config.bytes), image.imageConfig, id);
    }
  }
  t.true(checked > 400, `${checked} images were checked`);
});

test('scratch starts with a PATH and a working directory', (t) => {
  t.deepEqual(scratchConfig(amd64), {
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    WorkingDir: '/',
  });
  t.deepEqual(scratchConfig(parsePlatform('windows/amd64')), { WorkingDir: '\\' });
});

test('a base that does not account for its layers is put right', (t) => {
  const base = {
    layers: [layer('x'), layer('y')],
    history: [{ created_by: 'base', created: '2020-01-01T00:00:00Z' }],
  };
  const history = (input: Partial<AssembleInput>) =>
    assembleImage({ ...plain, ...input }).imageConfig.history?.map((e) => [
      e.created_by,
      e.empty_layer ?? false,
    ]);
  t.deepEqual(history({ base }), [
    ['base', false],
    ['layer without history', false],
    ['COPY a.txt / # buildkit', false],
  ]);
  const entry = (name: string) => ({ created_by: name });
  t.deepEqual(history({ base: { layers: [layer('x')], history: [entry('1'), entry('2'), entry('3')] } }), [
    ['1', false],
    ['2', true],
    ['3', true],
    ['COPY a.txt / # buildkit', false],
  ]);
});

test('times: layers keep theirs, metadata takes the nearest, and the image the last', (t) => {
  const base = {
    layers: [layer('x')],
    history: [{ created_by: 'base', created: '2020-01-01T00:00:00.123456789Z' }],
  };
  const meta = { createdBy: 'ENV', hasLayer: false };
  const run = { createdBy: 'RUN', hasLayer: true };
  const times = (input: Partial<AssembleInput>) => {
    const { history, created } = assembleImage({
      ...plain,
      base,
      time: { kind: 'clock', ms: 9000 },
      ...input,
    }).imageConfig;
    return [history?.map((e) => e.created), created];
  };
  const at = '2020-01-01T00:00:00.123456789Z';
  t.deepEqual(times({ instructions: [meta, meta], layers: [] }), [[at, at, at], at]);
  t.deepEqual(
    times({ instructions: [meta, run, meta, run, meta], layers: [layer('a', 1000), layer('b', 2500)] }),
    [
      [
        at,
        ...['1970-01-01T00:00:01Z', '1970-01-01T00:00:01Z', '1970-01-01T00:00:01Z'],
        '1970-01-01T00:00:02.5Z',
        '1970-01-01T00:00:02.5Z',
      ],
      '1970-01-01T00:00:02.5Z',
    ],
  );
  t.deepEqual(times({ instructions: [run], layers: [layer('a')] }), [
    [at, '1970-01-01T00:00:09Z'],
    '1970-01-01T00:00:09Z',
  ]);
  t.deepEqual(times({ base: plain.base, instructions: [meta], layers: [] }), [
    [undefined],
    '1970-01-01T00:00:09Z',
  ]);
  t.deepEqual(
    times({ instructions: [meta, run], layers: [layer('a', 1000)], time: { kind: 'epoch', ms: 5000 } }),
    [[at, '1970-01-01T00:00:05Z', '1970-01-01T00:00:05Z'], '1970-01-01T00:00:05Z'],
  );
  for (const ms of [-1, Number.NaN, 1e20]) {
    t.is(errorOf(() => times({ time: { kind: 'epoch', ms } })).code, 'user/time');
  }
});

test('instructions and layers must agree', (t) => {
  t.is(errorOf(() => assembleImage({ ...plain, layers: [] })).code, 'bug/history');
});

test("Docker's media types name all documents and layers, and leave annotations out", (t) => {
  const annotated = { ...layer('a'), descriptor: { ...layer('a').descriptor, annotations: { k: 'v' } } };
  const image = assembleImage({ ...plain, layers: [annotated], mediaTypes: 'docker' });
  const manifest = JSON.parse(image.manifest.bytes.toString());
  t.is(manifest.mediaType, mediaType.dockerManifest);
  t.is(manifest.config.mediaType, mediaType.dockerConfig);
  t.deepEqual(manifest.layers, [{ mediaType: mediaType.dockerLayerGzip, digest: digestOf('gz a'), size: 1 }]);
  t.is(
    assembleIndex([image.manifest.descriptor], { mediaTypes: 'docker' }).descriptor.mediaType,
    mediaType.dockerManifestList,
  );
  t.is(
    errorOf(() => assembleImage({ ...plain, mediaTypes: 'docker', annotations: { a: 'b' } })).code,
    'user/annotation',
  );
  t.deepEqual(decodeManifest(image.manifest.bytes).layers[0]?.mediaType, mediaType.layerGzip);
});

test('an index lists the platforms in order, each once', (t) => {
  const platforms = ['linux/amd64', 'linux/arm/v7', 'windows(10.0)/amd64', 'windows(11.0)/amd64'].map(
    parsePlatform,
  );
  const images = platforms.map((platform) => assembleImage({ ...plain, platform }));
  const index = assembleIndex(
    images.map((image) => image.manifest.descriptor),
    { mediaTypes: 'oci', annotations: { a: 'b' }, descriptorAnnotations: { c: 'd' } },
  );
  const decoded = decodeIndex(index.bytes);
  t.is(schemaErrors('image-index-schema.json', decoded), undefined);
  t.deepEqual(
    decoded.manifests.map(({ platform }) => platform),
    [
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm', os: 'linux', variant: 'v7' },
      { architecture: 'amd64', os: 'windows', 'os.version': '10.0' },
      { architecture: 'amd64', os: 'windows', 'os.version': '11.0' },
    ],
  );
  t.deepEqual(index.descriptor.annotations, { c: 'd' });
  const [first] = images;
  if (first === undefined) throw new Error('no image');
  const twice = [first.manifest.descriptor, first.manifest.descriptor];
  t.is(
    errorOf(() => assembleIndex(twice, { mediaTypes: 'oci' })).message,
    'the platform linux/amd64 is built twice',
  );
  for (const image of images) {
    t.is(schemaErrors('image-manifest-schema.json', JSON.parse(image.manifest.bytes.toString())), undefined);
  }
});

test('annotations are parsed as buildx parses them', (t) => {
  const arm = parsePlatform('linux/arm64');
  t.deepEqual(parseAnnotation('a=b=c'), [{ target: 'manifest', key: 'a', value: 'b=c' }]);
  t.deepEqual(parseAnnotation('index,manifest[linux/arm64]:a.b=x:y'), [
    { target: 'index', key: 'a.b', value: 'x:y' },
    { target: 'manifest', platform: arm, key: 'a.b', value: 'x:y' },
  ]);
  t.deepEqual(parseAnnotationAttribute('annotation.Foo', 'bar'), {
    target: 'manifest',
    key: 'Foo',
    value: 'bar',
  });
  t.deepEqual(parseAnnotationAttribute('annotation-manifest-descriptor[linux/arm64].x', 'y'), {
    target: 'manifest-descriptor',
    platform: arm,
    key: 'x',
    value: 'y',
  });
  t.is(parseAnnotationAttribute('compression', 'gzip'), undefined);
  t.is(errorOf(() => parseAnnotation('foo:a=1')).message, 'parse annotations: unknown annotation type "foo"');
  t.is(
    errorOf(() => parseAnnotation('a')).message,
    'parse annotations: invalid annotation "a", expected key=value',
  );
  t.is(errorOf(() => parseAnnotation('=a')).code, 'user/annotation');
  t.is(errorOf(() => parseAnnotation('[x]:a=1')).message, 'parse annotations: invalid annotation type "[x]"');
  const all = [
    ...parseAnnotation('a=1'),
    ...parseAnnotation('manifest[linux/arm64]:a=2'),
    ...parseAnnotation('index:i=3'),
  ];
  t.deepEqual(annotationsOf(all, 'manifest', arm), { a: '2' });
  t.deepEqual(annotationsOf(all, 'manifest', amd64), { a: '1' });
  t.deepEqual(annotationsOf(all, 'index'), { i: '3' });
  t.is(
    errorOf(() => refuseIndexAnnotations(all)).message,
    'index annotations not supported for single platform export',
  );
  t.notThrows(() => refuseIndexAnnotations(all.slice(0, 2)));
});

test('any configuration gives valid documents, whatever the order of its fields', (t) => {
  const strings = fc.array(fc.string(), { maxLength: 3 });
  const map = fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { maxKeys: 4 });
  const config = fc.record(
    {
      User: fc.string(),
      Env: fc.array(fc.string().map((s) => `K=${s}`)),
      Cmd: strings,
      Entrypoint: fc.option(strings),
      Labels: map,
      WorkingDir: fc.string(),
      StopTimeout: fc.nat(),
      Healthcheck: fc.record({ Test: strings, Interval: fc.nat() }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(config, (value) => {
      const forwards = assembleImage({ ...plain, config: value });
      const backwards = assembleImage({
        ...plain,
        config: Object.fromEntries(Object.entries(value).reverse()),
      });
      t.true(forwards.config.bytes.equals(backwards.config.bytes));
      t.is(schemaErrors('config-schema.json', JSON.parse(forwards.config.bytes.toString())), undefined);
      decodeImageConfig(forwards.config.bytes);
    }),
    { numRuns: 300 },
  );
});
