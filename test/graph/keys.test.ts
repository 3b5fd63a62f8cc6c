import test from 'ava';
import fc from 'fast-check';
import { digestOf, parsePlatform } from '../../src/core/index.js';
import {
  explainMiss,
  goQuote,
  hashParts,
  type KeyPart,
  keyParts,
  type Operation,
  parseChmod,
  type Step,
  Variables,
} from '../../src/graph/index.js';

const RUN: Extract<Operation, { kind: 'run' }> = {
  kind: 'run',
  argv: ['/bin/sh', '-c', 'make'],
  display: '/bin/sh -c make',
  env: ['PATH=/bin', 'VERSION=1'],
  proxyEnv: [],
  cwd: '/w',
  user: '',
  mounts: [],
  network: 'default',
  asksHostNetwork: false,
  insecure: false,
  limits: {},
};

function step(operation: Operation): Step {
  return {
    kind: 'step',
    id: '0.2',
    title: '[2/2] RUN make',
    source: { file: 'Dockerfile', startLine: 2, endLine: 2 },
    parent: { kind: 'scratch' },
    platform: parsePlatform('linux/amd64'),
    ignoreCache: false,
    lineage: 'l',
    operation,
  };
}

const parent = digestOf('parent');
const keyOf = (operation: Operation, contents: readonly string[] = []) =>
  hashParts(keyParts(step(operation), { parent, contents }));

test('a key is made of named parts', (t) => {
  t.deepEqual(keyParts(step(RUN), { parent, contents: [] }), [
    { name: 'version', value: '1' },
    { name: 'platform', value: '{"os":"linux","architecture":"amd64"}' },
    { name: 'instruction', value: 'RUN' },
    { name: 'command', value: '["/bin/sh","-c","make"]' },
    { name: 'variable PATH', value: '/bin' },
    { name: 'variable VERSION', value: '1' },
    { name: 'working directory', value: '/w' },
    { name: 'parent', value: parent },
  ]);
});

test('what changes a step changes its key; secrets, proxies and limits do not', (t) => {
  const before = keyOf(RUN);
  const secret = { kind: 'secret', id: 's', required: false, mode: 0o400, uid: 0, gid: 0 } as const;
  t.is(keyOf({ ...RUN, proxyEnv: ['http_proxy=x'] }), before);
  t.is(keyOf({ ...RUN, limits: { memoryBytes: 1 } }), before);
  const changed = [
    keyOf({ ...RUN, argv: ['/bin/sh', '-c', 'make all'] }),
    keyOf({ ...RUN, env: ['PATH=/bin', 'VERSION=2'] }),
    keyOf({ ...RUN, cwd: '/' }),
    keyOf({ ...RUN, user: 'u' }),
    keyOf({ ...RUN, network: 'none' }),
    keyOf({ ...RUN, insecure: true }),
    keyOf({ ...RUN, script: { name: 'EOF', content: '#!x' } }),
    keyOf({ ...RUN, mounts: [secret] }),
    keyOf(RUN, ['files']),
    keyOf({ kind: 'workdir', path: '/w', user: '' }),
    keyOf({ kind: 'workdir', path: '/w', user: '', createdSeconds: 1 }),
    before,
  ];
  t.is(new Set(changed).size, changed.length);
});

test('where a bind mount comes from counts by its files alone', (t) => {
  const mount = { kind: 'bind', source: '/', target: '/m', readonly: true } as const;
  const from = (state: Step['parent']) => keyOf({ ...RUN, mounts: [{ ...mount, from: state }] }, ['digest']);
  t.is(from({ kind: 'scratch' }), from({ kind: 'context', name: 'main' }));
});

test('no two lists of parts have one hash', (t) => {
  const part = fc.record({ name: fc.string(), value: fc.string() });
  const text = (parts: readonly KeyPart[]) => JSON.stringify(parts.map(({ name, value }) => [name, value]));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), fc.array(part, { maxLength: 4 }), (a, b) => {
      t.is(hashParts(a) === hashParts(b), text(a) === text(b));
    }),
  );
  t.not(hashParts([{ name: 'a', value: 'bc' }]), hashParts([{ name: 'ab', value: 'c' }]));
});

test('a miss is explained by the first part of its own that differs', (t) => {
  const parts = (entries: Readonly<Record<string, string>>): readonly KeyPart[] =>
    Object.entries(entries).map(([name, value]) => ({ name, value }));
  const before = parts({ 'variable V': '1', files: 'x', user: 'u', parent: 'p' });
  const explain = (changes: Readonly<Record<string, string>>) =>
    explainMiss(parts({ 'variable V': '1', files: 'x', user: 'u', parent: 'p', ...changes }), before);
  t.is(explainMiss(before, undefined), 'never built before');
  t.is(explain({ 'variable V': '2', parent: 'q' }), 'variable V: 1 → 2');
  t.is(explain({ files: 'y' }), 'files changed');
  t.is(explain({ 'variable W': 'w' }), 'variable W was added: w');
  t.is(explainMiss(parts({ 'variable V': '1', files: 'x', parent: 'p' }), before), 'user was removed');
  t.is(explain({ parent: 'q' }), 'an earlier step changed');
  t.is(explain({}), 'its result is no longer in the store');
  t.is(explain({ user: 'u'.repeat(80) }), `user: u → ${'u'.repeat(57)}...`);
});

test('chmod: octal up to 07777, or operations in order', (t) => {
  t.deepEqual(parseChmod('755'), { octal: 0o755 });
  t.deepEqual(parseChmod('07777'), { octal: 0o7777 });
  const plain = { conditionalExecute: false, special: 0, copied: 0 };
  t.deepEqual(parseChmod('u+rw,go=rX,a-t'), {
    operations: [
      { ...plain, who: 4, operator: '+', permissions: 6 },
      { ...plain, who: 3, operator: '=', permissions: 4, conditionalExecute: true },
      { ...plain, who: 7, operator: '-', permissions: 0, special: 16 },
    ],
  });
  t.deepEqual(parseChmod('g=u'), {
    operations: [{ ...plain, who: 2, operator: '=', permissions: 0, copied: 4 }],
  });
  for (const text of ['', '8', '10000', 'u', 'u+', 'x+r', 'u+rq', '755,u+x', 'u+r,']) {
    const isOperation = text === 'u+';
    t.is(parseChmod(text) !== undefined, isOperation, text);
  }
});

test('texts are quoted as Go quotes them', (t) => {
  t.is(goQuote('a"b\\c\n\t\x01é\u0085'), '"a\\"b\\\\c\\n\\t\\x01é\\u0085"');
});

test('variables keep their order, and every version its values', (t) => {
  const entry = fc.tuple(fc.constantFrom(...'abcdefghij'), fc.string());
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
      const expected = new Map<string, string>();
      let variables = new Variables();
      for (const [name, value] of entries) {
        const before = variables;
        const [had, strings] = [before.get(name), before.toStrings()];
        variables = variables.with(name, value);
        expected.set(name, value);
        t.is(before.get(name), had);
        t.deepEqual(before.toStrings(), strings);
      }
      t.deepEqual(variables.names(), [...expected.keys()]);
      t.deepEqual(
        variables.toStrings(),
        [...expected].map(([name, value]) => `${name}=${value}`),
      );
    }),
    { numRuns: 30 },
  );
  t.is(Variables.fromStrings(['a=b=c', 'd']).get('a'), 'b=c');
  t.is(Variables.fromStrings(['a=b=c', 'd']).get('d'), '');
});
