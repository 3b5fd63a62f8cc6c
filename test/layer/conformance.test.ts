import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { applyLayer } from '../../src/layer/index.js';
import { loadAddon } from '../../src/native/index.js';
import { archive, type CorpusEntry, entryBytes } from './tar-bytes.js';
import { comparable, readTree, sha256, type TreeEntry, temporaryDirectory } from './tree.js';

interface ExpectedFile {
  readonly path: string;
  readonly type: string;
  readonly mode?: string;
  readonly uid: number;
  readonly gid: number;
  readonly mtime?: number;
  readonly content?: string;
  readonly sha256?: string;
  readonly size?: number;
  readonly target?: string;
  readonly dev?: readonly [number, number];
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly same_inode_as?: string;
}

type Expectation =
  | { readonly implementation?: string; readonly files: readonly ExpectedFile[] }
  | { readonly implementation?: string; readonly error: true };

interface Case {
  readonly id: string;
  readonly layers: readonly (readonly CorpusEntry[])[];
  readonly expect?: Expectation;
  readonly expect_any?: readonly Expectation[];
  readonly preferred?: string;
  readonly must_contain?: boolean;
}

const corpus: { readonly cases: readonly Case[] } = JSON.parse(
  readFileSync('../shared/conformance/layers/apply-cases.json', 'utf8'),
);

/** How one file differs from what is expected of it. */
function difference(expected: ExpectedFile, tree: ReadonlyMap<string, TreeEntry>): readonly string[] {
  const entry = tree.get(expected.path);
  if (entry === undefined) return [`${expected.path} is missing`];
  const content = entry.content ?? '';
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['type', expected.type, entry.type],
    ['mode', expected.mode, expected.mode && entry.mode.toString(8).padStart(4, '0')],
    ['uid', expected.uid, entry.uid],
    ['gid', expected.gid, entry.gid],
    ['mtime', expected.mtime, expected.mtime === undefined ? undefined : entry.mtimeSeconds],
    [
      'content',
      expected.content,
      expected.content === undefined ? undefined : Buffer.from(content, 'latin1').toString(),
    ],
    ['sha256', expected.sha256, expected.sha256 && sha256(Buffer.from(content, 'latin1'))],
    ['size', expected.size, expected.size === undefined ? undefined : content.length],
    ['target', expected.target, expected.target === undefined ? undefined : entry.target],
    ['dev', expected.dev?.join(), expected.dev && entry.device?.join()],
    ['xattrs', JSON.stringify(expected.xattrs), expected.xattrs && JSON.stringify(entry.xattrs)],
    [
      'inode',
      expected.same_inode_as && tree.get(expected.same_inode_as)?.inode,
      expected.same_inode_as && entry.inode,
    ],
  ];
  return pairs
    .filter(([, wanted, got]) => wanted !== got)
    .map(([what, wanted, got]) => `${expected.path}: ${what} is ${got}, not ${wanted}`);
}

function differences(expectation: Expectation, got: readonly TreeEntry[] | Error): readonly string[] {
  if ('error' in expectation) return got instanceof Error ? [] : ['did not fail'];
  if (got instanceof Error) return [`failed: ${got.message}`];
  const tree = new Map(got.map((entry) => [entry.path, entry]));
  const wanted = new Set(expectation.files.map((file) => file.path));
  const surplus = got.filter((entry) => !wanted.has(entry.path)).map((entry) => `${entry.path} is too much`);
  return [...surplus, ...expectation.files.flatMap((file) => difference(file, tree))];
}

/** A root with things beside it that no layer may touch. */
function makeSurroundings(directory: string): string {
  mkdirSync(join(directory, 'host'), { mode: 0o700 });
  writeFileSync(join(directory, 'host/canary'), 'do not touch');
  const root = join(directory, 'rootfs');
  mkdirSync(root);
  return root;
}

async function applyAll(
  directory: string,
  root: string,
  layers: Case['layers'],
): Promise<readonly TreeEntry[] | Error> {
  try {
    for (const [index, layer] of layers.entries()) {
      const blob = join(directory, `layer${index}.tar`);
      writeFileSync(blob, archive(layer.map(entryBytes)));
      await applyLayer(loadAddon(), { blob, destinationRoot: root });
    }
    return readTree(root);
  } catch (error) {
    return error as Error;
  }
}

const outside = (directory: string) =>
  comparable(readTree(directory).filter(({ path }) => path === 'host' || path.startsWith('host/')));

const checkCase = test.macro({
  exec: async (t: ExecutionContext, { layers, expect, expect_any = [], preferred, must_contain }: Case) => {
    const directory = temporaryDirectory(t);
    const root = makeSurroundings(directory);
    const before = outside(directory);
    const got = await applyAll(directory, root, layers);
    t.deepEqual(outside(directory), before, 'nothing outside the root changed');
    if (must_contain && got instanceof Error) return;
    const wanted = expect
      ? [expect]
      : expect_any.filter((one) => !preferred || one.implementation === preferred);
    const found = wanted.map((one) => differences(one, got));
    t.true(
      found.some((list) => list.length === 0),
      found.map((list) => list.join('\n')).join('\n-- or --\n'),
    );
  },
  title: (_, { id }: Case) => `layer corpus: ${id}`,
});

for (const one of corpus.cases) test(checkCase, one);
