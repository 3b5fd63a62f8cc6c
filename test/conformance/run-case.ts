import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCommand, type CasePlaces } from './build-command.js';
import type { BuildCase, BuildStep } from './cases.js';
import { compareImage, compareTree, type Differences } from './compare.js';
import { CONTEXT_MTIME, writeEntries } from './context-files.js';
import {
  commitOf,
  type FixtureServer,
  makeRepository,
  serveDirectory,
  serveRoutes,
} from './fixture-servers.js';
import { type ReadImage, readLayout, treeOf } from './image-tree.js';

/** What the whole run shares. */
export interface RunSetting {
  readonly forge: string;
  /** A store that holds the stand-in base images; copied for each case. */
  readonly baseStore: string;
  readonly bases: ReadonlyMap<string, ReadImage>;
  readonly work: string;
}

/** What a step's build printed and left. */
interface StepOutcome {
  readonly exitCode: number;
  readonly stderr: string;
  readonly layout: string;
  readonly images: readonly ReadImage[];
}

/** Runs one case; what comes back is empty of hard differences when it passes. */
export async function runCase(test: BuildCase, setting: RunSetting): Promise<Differences> {
  const scratch = await mkdtemp(join(setting.work, 'case-'));
  const servers: FixtureServer[] = [];
  try {
    const places = await preparePlaces(test, setting, scratch, servers);
    const found: Differences = { hard: [], soft: [] };
    const outcomes: StepOutcome[] = [];
    for (const [index, recorded] of test.steps.entries()) {
      const step = expandTexts(recorded, places.expand);
      outcomes.push(await runStep(step, index, { setting, places, found }));
    }
    checkRelations(test, outcomes, found);
    return found;
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Recorded texts hold @@HTTP@@ and the like wherever a text can stand. */
function expandTexts<T>(value: T, expand: (text: string) => string): T {
  if (typeof value === 'string') return expand(value) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => expandTexts(item, expand)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [expand(key), expandTexts(item, expand)]),
  ) as T;
}

/** The recording had no registry to fetch a frontend from: its files had this line instead. */
function withoutFrontend(content: string): string {
  return content.replace(/^# syntax=docker\/dockerfile.*/, '# escape=\\');
}

async function preparePlaces(
  test: BuildCase,
  setting: RunSetting,
  scratch: string,
  servers: FixtureServer[],
): Promise<CasePlaces> {
  const expand = await startServers(test, scratch, servers);
  for (const [name, entries] of Object.entries(test.contexts)) {
    const directory = join(scratch, 'contexts', name);
    mkdirSync(directory, { recursive: true });
    await writeEntries(
      directory,
      entries.map((entry) =>
        entry.content === undefined ? entry : { ...entry, content: withoutFrontend(expand(entry.content)) },
      ),
    );
  }
  const store = join(scratch, 'store');
  cpSync(setting.baseStore, store, { recursive: true, verbatimSymlinks: true });
  return { contexts: join(scratch, 'contexts'), scratch, store, expand };
}

async function startServers(
  test: BuildCase,
  scratch: string,
  servers: FixtureServer[],
): Promise<(text: string) => string> {
  const replacements = new Map<string, string>([['@@TMP@@', join(scratch, 'tmp')]]);
  mkdirSync(join(scratch, 'tmp'));
  const repositories = new Map<string, string>();
  const expand = (text: string): string => {
    let result = text;
    for (const [from, to] of replacements) result = result.replaceAll(from, to);
    return result.replace(
      /@@(COMMIT|SHORT):(\w+):([^@]+)@@/g,
      (_all, kind: string, name: string, ref: string) => {
        const commit = commitOf(repositories.get(name) ?? '', ref);
        return kind === 'SHORT' ? commit.slice(0, 8) : commit;
      },
    );
  };
  for (const [name, script] of Object.entries(test.git ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const directory = join(scratch, 'git', name);
    repositories.set(name, directory);
    await makeRepository(directory, expand(script));
    const server = await serveDirectory(directory);
    servers.push(server);
    replacements.set(`@@GIT:${name}@@`, `http://127.0.0.1:${server.port}/.git`);
  }
  const registry = await serveRoutes({});
  servers.push(registry);
  replacements.set('@@REG@@', `127.0.0.1:${registry.port}`);
  if (test.http) {
    const server = await serveRoutes(test.http);
    servers.push(server);
    replacements.set('@@HTTP@@', `http://127.0.0.1:${server.port}`);
  }
  return expand;
}

interface StepSetting {
  readonly setting: RunSetting;
  readonly places: CasePlaces;
  readonly found: Differences;
}

async function runStep(
  step: BuildStep,
  index: number,
  { setting, places, found }: StepSetting,
): Promise<StepOutcome> {
  const context = join(places.contexts, step.context ?? 'main');
  if (step.patch) await writeEntries(context, step.patch, CONTEXT_MTIME + index + 1);
  if (step.prune_cache_before) {
    rmSync(places.store, { recursive: true, force: true });
    cpSync(setting.baseStore, places.store, { recursive: true, verbatimSymlinks: true });
  }
  const layout = step.options?.save_oci
    ? join(places.scratch, 'saved', step.options.save_oci)
    : join(places.scratch, `layout-${index}`);
  await mkdir(join(places.scratch, 'saved'), { recursive: true });
  const extra = step.output ? join(places.scratch, `output-${index}`) : undefined;
  const argv = buildCommand(step, places, { layout, ...(extra === undefined ? {} : { extra }) });
  const { exitCode, stderr } = await forge(setting.forge, argv, stdinOf(step, places));
  const label = `step ${index}`;
  const images =
    exitCode === 0 && existsSync(layout) ? await readLayout(layout, join(places.scratch, 'trees')) : [];
  const before = found.hard.length;
  checkOutcome(step, { exitCode, stderr, layout, images }, setting, found);
  if (extra !== undefined && exitCode === 0) await checkOutput(step, extra, found);
  for (let at = before; at < found.hard.length; at++) found.hard[at] = `${label}: ${found.hard[at]}`;
  return { exitCode, stderr, layout, images };
}

function stdinOf(step: BuildStep, places: CasePlaces): string | undefined {
  if (!step.context?.startsWith('tar:')) return undefined;
  const name = step.context.slice('tar:'.length);
  const file = join(places.scratch, `${name}.tar`);
  execFileSync('tar', ['-cf', file, '-C', join(places.contexts, name), '.']);
  return file;
}

async function forge(
  command: string,
  argv: readonly string[],
  stdin: string | undefined,
): Promise<{ readonly exitCode: number; readonly stderr: string }> {
  const child = spawn(command, argv, { stdio: [stdin ? openSync(stdin, 'r') : 'ignore', 'ignore', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { exitCode: code ?? -1, stderr: Buffer.concat(chunks).toString('utf8') };
}

function checkOutcome(step: BuildStep, outcome: StepOutcome, setting: RunSetting, found: Differences): void {
  const { expect } = step;
  if (expect.result === 'error') {
    if (outcome.exitCode === 0) found.hard.push('succeeded, expected an error');
    for (const text of expect.error_contains ?? []) {
      if (!matches(outcome.stderr, text))
        found.hard.push(`error lacks ${JSON.stringify(text)}: ${tail(outcome.stderr)}`);
    }
    return;
  }
  if (outcome.exitCode !== 0) {
    found.hard.push(`exit code ${outcome.exitCode}: ${tail(outcome.stderr)}`);
    return;
  }
  const wanted = expect.images ?? [];
  if (expect.images && wanted.length !== outcome.images.length) {
    found.hard.push(`${outcome.images.length} images, expected ${wanted.length}`);
  }
  wanted.forEach((image, index) => {
    const actual = outcome.images[index];
    if (actual && !image.attestation)
      compareImage(
        image,
        actual,
        image.base === undefined ? undefined : setting.bases.get(image.base),
        found,
      );
  });
  for (const { text } of expect.warnings ?? []) {
    if (!outcome.stderr.includes(text.replace(/ \(line \d+\)$/, '')))
      found.hard.push(`no warning ${JSON.stringify(text)}`);
  }
}

/** Wildcards of recorded texts stand for anything. */
function matches(text: string, pattern: string): boolean {
  const source = pattern
    .split(/<(?:ref|path|host)>/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(source).test(text);
}

function tail(text: string): string {
  return text.trim().split('\n').slice(-6).join(' | ').slice(-600);
}

async function checkOutput(step: BuildStep, output: string, found: Differences): Promise<void> {
  let directory = output;
  if (step.output === 'tar') {
    directory = `${output}.d`;
    mkdirSync(directory);
    execFileSync('tar', ['-xf', output, '-C', directory, '--numeric-owner', '-p']);
  }
  const expected = step.output === 'tar' ? step.expect.tar_output : step.expect.local_output;
  if (expected) compareTree(expected, await treeOf(directory), directory, found, true);
}

function checkRelations(test: BuildCase, outcomes: readonly StepOutcome[], found: Differences): void {
  for (const { path, steps, same } of test.relations ?? []) {
    const [a, b] = steps.map((index) => {
      const directory = outcomes[index]?.images[0]?.directory;
      const file = directory && join(directory, path);
      return file && existsSync(file) ? readFileSync(file, 'latin1') : undefined;
    });
    if (a === undefined || b === undefined) found.hard.push(`relation: ${path} is missing`);
    else if ((a === b) !== same)
      found.hard.push(
        `relation: ${path} of steps ${steps.join(' and ')} should ${same ? '' : 'not '}be the same`,
      );
  }
}
