import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { parseReference } from '../../src/core/index.js';
import { type OutputSpec, parseOutput, parseOutputs, refuseUnsafeDelete } from '../../src/export/index.js';
import { errorOf } from './fixture.js';

const image = {
  compression: 'gzip',
  forceCompression: false,
  mediaTypes: 'oci',
  rewriteTimestamp: false,
  annotations: [],
} as const;
const file = (path: string) => ({ kind: 'file', path }) as const;
const stdout = { kind: 'stdout' } as const;
const local = { type: 'local', mode: 'copy', platformSplit: 'automatic' } as const;

const good: readonly (readonly [string, OutputSpec])[] = [
  ['out', { ...local, directory: 'out' }],
  ['./a b', { ...local, directory: './a b' }],
  ['app.tar', { type: 'oci-archive', destination: file('app.tar'), image }],
  ['-', { type: 'tar', destination: stdout, platformSplit: 'automatic' }],
  ['type=local,dest=out', { ...local, directory: 'out' }],
  ['type=local,"dest=a,b"', { ...local, directory: 'a,b' }],
  ['type=local,"dest=a""b"', { ...local, directory: 'a"b' }],
  ['type=local,dest=out,mode=delete', { ...local, directory: 'out', mode: 'delete' }],
  ['TYPE=local, Dest=out,platform-split=false', { ...local, directory: 'out', platformSplit: 'never' }],
  [
    'type=tar,dest=o.tar,platform-split=1',
    { type: 'tar', destination: file('o.tar'), platformSplit: 'always' },
  ],
  ['type=tar', { type: 'tar', destination: stdout, platformSplit: 'automatic' }],
  ['type=tar,dest=-', { type: 'tar', destination: stdout, platformSplit: 'automatic' }],
  ['type=oci', { type: 'oci-archive', destination: stdout, image }],
  ['type=oci,dest=x.tar', { type: 'oci-archive', destination: file('x.tar'), image }],
  ['type=oci,dest=d,tar=false', { type: 'oci-layout', directory: 'd', image }],
  ['type=docker,dest=x.tar', { type: 'docker-archive', destination: file('x.tar'), image }],
  ['type=docker,dest=-', { type: 'docker-archive', destination: stdout, image }],
  ['type=image', { type: 'store', image }],
  [
    'type=image,"name=a:1,b/c",compression=zstd,compression-level=19,force-compression=true,rewrite-timestamp=TRUE,oci-mediatypes=0',
    {
      type: 'store',
      image: {
        ...image,
        compression: 'zstd',
        compressionLevel: 19,
        forceCompression: true,
        mediaTypes: 'docker',
        rewriteTimestamp: true,
        names: [parseReference('a:1'), parseReference('b/c')],
      },
    },
  ],
  ['type=image,compression=uncompressed', { type: 'store', image: { ...image, compression: 'none' } }],
  ['type=image,source-date-epoch=', { type: 'store', image: { ...image, sourceDateEpoch: 'none' } }],
  ['type=image,source-date-epoch=12', { type: 'store', image: { ...image, sourceDateEpoch: 12 } }],
  [
    'type=image,annotation.Foo=bar,annotation-index.x=y=z',
    {
      type: 'store',
      image: {
        ...image,
        annotations: [
          { target: 'manifest', key: 'Foo', value: 'bar' },
          { target: 'index', key: 'x', value: 'y=z' },
        ],
      },
    },
  ],
];

for (const [text, spec] of good) {
  test(`--output ${text}`, (t) => t.deepEqual(parseOutput(text), spec));
}

const bad: readonly (readonly [string, string])[] = [
  ['type=local', 'dest is required for local exporter'],
  ['type=local,dest=', 'dest is required for local exporter'],
  ['type=local,dest', 'invalid value dest'],
  ['type=local,dest=-', 'a directory cannot be written to standard output'],
  ['type=oci,tar=false', 'dest is required for oci exporter'],
  ['type=docker', 'dest is required for docker exporter'],
  ['dest=x,foo=y', 'type is required for output'],
  ['type=,dest=x', 'type is required for output'],
  ['type=registry,name=x', 'unknown output type "registry"'],
  ['type=oci,dset=x', '--output type=oci has no key "dset"'],
  ['type=local,dest=x,compression=gzip', '--output type=local has no key "compression"'],
  ['type=image,push=true', '--output type=image has no key "push"'],
  ['type=oci,tar=maybe', 'invalid value "maybe" for tar of --output type=oci'],
  ['type=image,compression=estargz', 'invalid value "estargz" for compression of --output type=image'],
  ['type=image,compression-level=0', 'invalid value "0" for compression-level of --output type=image'],
  ['type=image,compression-level=13', 'invalid value "13" for compression-level of --output type=image'],
  [
    'type=image,compression=uncompressed,compression-level=1',
    'invalid value "1" for compression-level of --output type=image',
  ],
  ['type=local,dest=x,mode=move', 'invalid value "move" for mode of --output type=local'],
  ['type=image,name=UPPER', 'invalid reference format: "UPPER"'],
  ['type=image,source-date-epoch=now', 'invalid value "now" for source-date-epoch of --output type=image'],
  ['type=local,"dest=x', 'invalid --output "type=local,\\"dest=x": misplaced quote'],
  ['type=local,de"st=x', 'invalid --output "type=local,de\\"st=x": misplaced quote'],
  ['type=image,annotation-foo.a=b', 'parse annotations: unknown annotation type "foo"'],
  ['app.tar.gz', 'app.tar.gz: image archives are not compressed as a whole'],
];

for (const [text, message] of bad) {
  test(`--output ${text} is refused`, (t) => {
    const error = errorOf(() => parseOutput(text));
    t.deepEqual([error.category, error.message], ['user', message]);
    t.truthy(error.hint);
  });
}

interface CliCase {
  readonly id: string;
  readonly argv: readonly string[];
  readonly expect: { readonly exit: number; readonly error_contains?: readonly string[] };
}

test('every --output of the recorded command lines is taken or refused as recorded', (t) => {
  const { cases } = JSON.parse(readFileSync('../shared/conformance/cli/cases.json', 'utf8')) as {
    readonly cases: readonly CliCase[];
  };
  let checked = 0;
  for (const { id, argv, expect } of cases) {
    const outputs = argv.flatMap((word, i) => (/^(?:-o|--output)$/.test(argv[i - 1] ?? '') ? [word] : []));
    if (outputs.length === 0) continue;
    checked += 1;
    const parse = () => {
      for (const spec of parseOutputs(outputs)) refuseUnsafeDelete(spec, '/work', false);
    };
    if (!id.startsWith('output/') || expect.exit === 0) t.notThrows(parse, id);
    else t.is(errorOf(parse).message, expect.error_contains?.[0] ?? '', id);
  }
  t.true(checked > 20);
});

test('mode=delete is for directories inside the working directory', (t) => {
  const check =
    (dest: string, allowed = false) =>
    () =>
      refuseUnsafeDelete(parseOutput(`type=local,dest=${dest},mode=delete`), '/home/me', allowed);
  for (const dest of ['out', './a/b', '/home/me/x', 'a/../b', '..x']) t.notThrows(check(dest), dest);
  for (const dest of ['.', '..', '/', '/home/me', '../other', 'a/../..', '/home/me2']) {
    t.is(
      errorOf(check(dest)).message,
      `local output mode=delete for destination ${JSON.stringify(dest)} requires --allow=buildx.local.delete`,
    );
    t.notThrows(check(dest, true));
  }
});

test('two outputs cannot both go to standard output', (t) => {
  t.is(errorOf(() => parseOutputs(['-', 'type=oci'])).message, 'only one output can go to standard output');
  t.is(parseOutputs(['-', 'x.tar', '']).length, 2);
});

test('any text is parsed or refused with an error of ours, and quoting gives the text back', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^type=[a-z]*(,[a-z="-]*)*$/)), (text) => {
      try {
        parseOutput(text);
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'ForgeError') throw error;
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (path) => {
      if (path === '-') return;
      const spec = parseOutput(`type=local,"dest=${path.replaceAll('"', '""')}"`);
      t.is(spec.type === 'local' ? spec.directory : undefined, path);
    }),
  );
});
