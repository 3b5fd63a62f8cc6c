import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { decodeBuildfile, parseBuildfile } from '../../src/buildfile/index.js';
import { contextDirectory, findBuildfile, hashCopy, planCopy, runCopy } from '../../src/context/index.js';
import { ForgeError, hostPlatform } from '../../src/core/index.js';
import {
  type BuildGraph,
  type CopyOperation,
  contextKey,
  type FileState,
  lower,
  parseChmod,
  type Step,
} from '../../src/graph/index.js';
import { loadAddon } from '../../src/native/index.js';
import {
  type BuildCase,
  type BuildStep,
  entryBytes,
  type FileEntry,
  readCases,
} from '../conformance/cases.js';
import { compareTree } from '../conformance/compare.js';
import { writeEntries } from '../conformance/context-files.js';
import { treeOf } from '../conformance/image-tree.js';

/*
 * The recorded builds whose steps are all COPY, ADD and WORKDIR on scratch: each is run here with
 * plain directories as stages, so that planning, ignoring, copying and hashing are held to what
 * BuildKit did. Builds with more in them belong to the conformance runner.
 */

const addon = loadAddon();
const scratch = mkdtempSync(join(tmpdir(), 'files-corpus-'));

let directories = 0;
function newDirectory(name: string): string {
  const path = join(scratch, `${directories++}-${name}`);
  mkdirSync(path);
  return path;
}

function lowered(
  step: BuildStep,
  buildfile: { readonly name: string; readonly bytes: Buffer },
): BuildGraph | undefined {
  const { options = {} } = step;
  const parsed = parseBuildfile(decodeBuildfile(buildfile.bytes, buildfile.name), buildfile.name);
  const platform = hostPlatform();
  const result = lower(
    parsed,
    {
      buildArgs: options.build_args ?? {},
      labels: {},
      targetPlatform: platform,
      buildPlatform: platform,
      namedContexts: new Map(
        Object.keys(options.build_contexts ?? {}).map((name) => [contextKey(name), { kind: 'files', name }]),
      ),
      noCache: false,
      noCacheFilter: [],
      lineageScope: '',
      network: 'default',
      ...(options.target === undefined ? {} : { target: options.target }),
    },
    new Map(),
  );
  return result.kind === 'graph' ? result.graph : undefined;
}

const ARCHIVE = /\.(?:tar|tgz|gz|bz2|xz|zst)$/;

function isPlainCopy(operation: CopyOperation): boolean {
  const { sources, chown = '0', instruction } = operation;
  if (!/^\d+(:\d+)?$/.test(chown)) return false;
  return sources.every(
    (source) =>
      source.kind === 'inline' ||
      (source.kind === 'path' && !(instruction === 'ADD' && ARCHIVE.test(source.path))),
  );
}

const isSupported = (state: FileState): boolean =>
  state.kind === 'scratch' ||
  state.kind === 'context' ||
  (state.kind === 'step' &&
    isSupported(state.parent) &&
    (state.operation.kind === 'workdir' ||
      (state.operation.kind === 'copy' &&
        !state.operation.link &&
        isPlainCopy(state.operation) &&
        isSupported(state.operation.from))));

/** Runs one build's steps over plain directories. */
class Stages {
  readonly #roots = new Map<FileState, Promise<string>>();
  constructor(readonly contexts: ReadonlyMap<string, ReturnType<typeof contextDirectory>>) {}

  root(state: FileState): Promise<string> {
    let root = this.#roots.get(state);
    if (!root) {
      root = this.#make(state);
      this.#roots.set(state, root);
    }
    return root;
  }

  #context(name: string): ReturnType<typeof contextDirectory> {
    const context = this.contexts.get(name);
    if (!context) throw new Error(`no context ${name}`);
    return context;
  }

  async #make(state: FileState): Promise<string> {
    const root = newDirectory('root');
    if (state.kind === 'context') {
      const tree = this.#context(state.name);
      const groups = planCopy(tree, { sources: ['/'], parents: false, exclude: [] });
      await runCopy(addon, tree, groups, { root, path: '/', keepOwner: false, keepXattrs: false });
    }
    if (state.kind === 'step') {
      const parent = await this.root(state.parent);
      await addon.copy({
        sourceRoot: parent,
        sourcePaths: [''],
        sourceNames: [''],
        destinationRoot: root,
        destinationPath: '/',
        shape: 'entry',
        keepOwner: true,
        keepXattrs: true,
      });
      await this.#apply(state, root);
    }
    return root;
  }

  async #apply({ operation }: Step, root: string): Promise<void> {
    if (operation.kind === 'workdir') mkdirSync(join(root, operation.path), { recursive: true });
    if (operation.kind === 'copy') await this.#copy(operation, root);
  }

  async #copy(operation: CopyOperation, root: string): Promise<void> {
    const { from, sources, parents, exclude, chown, chmod, destination, keepOwner } = operation;
    const fromContext = from.kind === 'context' ? this.#context(from.name) : undefined;
    const tree = fromContext ?? { root: await this.root(from) };
    const [uid = 0, gid = uid] = (chown ?? '').split(':').filter(Boolean).map(Number);
    const mode = chmod === undefined ? undefined : parseChmod(chmod);
    const inline = newDirectory('inline');
    for (const source of sources)
      if (source.kind === 'inline') writeFileSync(join(inline, source.name), source.content);
    const paths = sources.flatMap((source) => (source.kind === 'path' ? [source.path] : []));
    const names = sources.flatMap((source) => (source.kind === 'inline' ? [source.name] : []));
    const target = {
      root,
      path: destination,
      keepOwner: keepOwner && !fromContext,
      keepXattrs: !fromContext,
      ...(chown ? { owner: { uid, gid } } : {}),
      ...(mode ? { mode } : {}),
    };
    const groups = planCopy(tree, { sources: paths, parents, exclude });
    await hashCopy(addon, tree, groups, { withOwner: !fromContext, threads: 2 });
    await runCopy(addon, tree, groups, target);
    const documents = { root: inline };
    await runCopy(
      addon,
      documents,
      planCopy(documents, { sources: names, parents: false, exclude: [] }),
      target,
    );
  }
}

async function contextsOf(recorded: BuildCase): Promise<ReadonlyMap<string, string>> {
  const roots = new Map<string, string>();
  for (const [name, entries] of Object.entries(recorded.contexts)) {
    const root = newDirectory(name);
    await writeEntries(root, entries);
    roots.set(name, root);
  }
  return roots;
}

const rootOf = (roots: ReadonlyMap<string, string>, name: string): string => {
  const root = roots.get(name);
  if (root === undefined) throw new Error(`the case has no context ${name}`);
  return root;
};

async function runBuild(recorded: BuildCase, step: BuildStep, graph: BuildGraph): Promise<string> {
  const roots = await contextsOf(recorded);
  const main = rootOf(roots, step.context ?? 'main');
  const holder = rootOf(roots, step.dockerfile_context ?? step.context ?? 'main');
  const file = step.options?.file;
  const buildfile = findBuildfile(holder, file === undefined ? undefined : join(holder, file));
  const contexts = new Map([['main', contextDirectory(main, buildfile)]]);
  for (const [name, value] of Object.entries(step.options?.build_contexts ?? {})) {
    contexts.set(name, contextDirectory(rootOf(roots, value.replace(/^dir:/, ''))));
  }
  return new Stages(contexts).root(graph.target.state);
}

/** What the outcome of these hangs on is not done here: epochs, lint, archives, the graph, the order of steps. */
const ELSEWHERE = new Set([
  'source-date-epoch',
  'directive',
  'own/add-tar-noext',
  'own/ctx-override-stage',
  'testNamedFilteredContext/6',
  'buildah/add-archive-7',
  'buildah/dockerignore-allowlist-alternating-nothing',
  'buildah/dockerignore-allowlist-alternating-other',
]);

/** A recorded Buildfile was stripped of its syntax line: its text in the image is not to be compared. */
const withoutBuildfileText = (files: readonly FileEntry[]): readonly FileEntry[] =>
  files.map(({ content, ...file }) =>
    content === undefined || /Dockerfile/.test(file.path) ? file : { ...file, content },
  );

/** The graph of a case that this file can run: known before its files are written. */
function graphOf(recorded: BuildCase, step: BuildStep): BuildGraph | undefined {
  const file = step.options?.file ?? 'Dockerfile';
  const entries = recorded.contexts[step.dockerfile_context ?? step.context ?? 'main'];
  const entry = entries?.find(({ path, type = 'file' }) => path === file && type === 'file');
  const { platforms, attrs } = step.options ?? {};
  if (!entry || recorded.http || recorded.git || platforms || attrs) return undefined;
  if (!Object.values(step.options?.build_contexts ?? {}).every((value) => value.startsWith('dir:')))
    return undefined;
  if (ELSEWHERE.has(recorded.feature) || ELSEWHERE.has(recorded.id)) return undefined;
  try {
    const graph = lowered(step, { name: file, bytes: entryBytes(entry) });
    return graph && isSupported(graph.target.state) ? graph : undefined;
  } catch (error) {
    if (error instanceof ForgeError) return undefined;
    throw error;
  }
}

async function define(corpus: string): Promise<void> {
  for (const recorded of await readCases(`../shared/conformance/${corpus}/cases.json`)) {
    recorded.steps.slice(0, 1).forEach((step) => {
      const graph = graphOf(recorded, step);
      if (graph) cases.push({ title: `${corpus}: ${recorded.id}`, recorded, step, graph });
    });
  }
}

const cases: { title: string; recorded: BuildCase; step: BuildStep; graph: BuildGraph }[] = [];
await define('integration');
await define('buildah-conformance');

// Declared after the awaits above: AVA takes hooks and tests only in one go.
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

test('enough of the corpus is run here', (t) => {
  t.true(cases.length >= 100, `${cases.length} cases`);
});

for (const { title, recorded, step, graph } of cases) {
  test.serial(title, async (t) => {
    const { result, images = [], error_contains: texts = [] } = step.expect;
    if (result === 'error') {
      const error = await t.throwsAsync(runBuild(recorded, step, graph), { instanceOf: ForgeError });
      for (const text of texts) t.true(error?.message.includes(text), error?.message);
      return;
    }
    const root = await runBuild(recorded, step, graph);
    const found = { hard: [] as string[], soft: [] as string[] };
    compareTree(withoutBuildfileText(images[0]?.files ?? []), await treeOf(root), root, found, true);
    t.deepEqual(found.hard, []);
  });
}
