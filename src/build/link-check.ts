import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { checkLinks, openRoot } from '../closure/index.js';
import { type Digest, digestHex, digestOf, type EventSink, ForgeError } from '../core/index.js';
import type { Step } from '../graph/index.js';
import { missingLibraryRule } from '../lint/index.js';
import type { NativeAddon, ScanEntry } from '../native/index.js';
import type { ContainerConfig } from '../oci/index.js';
import { mountView } from '../snapshot/index.js';
import type { Solver, StepResult } from '../solve/index.js';
import type { SnapshotId, Store } from '../store/index.js';
import type { SolvedPlatform } from './assemble-images.js';

export interface LinkCheckInput {
  readonly solved: SolvedPlatform;
  readonly solver: Solver;
  readonly store: Store;
  readonly addon: NativeAddon;
  readonly events: EventSink;
}

/** A finding, remembered with the image; `step` counts the build's steps, bottom first. */
interface LinkFinding {
  readonly path: string;
  readonly step: number;
  readonly messages: readonly string[];
}

/** Part of the name of remembered results: to be changed when the check finds other things. */
const CHECK_VERSION = 1;
const MOST_REMEMBERED = 1000;

/**
 * Warns of every program and library that the build's own layers brought in and that lacks an
 * interpreter, a library or a symbol version in the finished image (docs/lint/MissingLibrary.md).
 * An image that was checked before is not looked at again. Throws `user/lint-violation` where the
 * Buildfile says that warnings are errors.
 */
export async function checkImageLinks(input: LinkCheckInput): Promise<void> {
  const { solved, solver, store, events } = input;
  const { plan } = solved;
  if (!plan.linkCheck.isOn) return;
  const results = await Promise.all(solved.steps);
  if (!results.some(({ snapshot }) => snapshot !== undefined)) return;
  const { target } = plan.graph;
  const identity = await solver.identity(target.state);
  const key = digestOf(JSON.stringify([CHECK_VERSION, identity, target.config, plan.platform]));
  const findings = recall(store, key) ?? (await remember(store, key, await examine(input, results)));
  const told = findings.flatMap((finding) => {
    const step = results[finding.step]?.step;
    return step === undefined || plan.linkCheck.isSkipped(step.source.startLine) ? [] : [{ finding, step }];
  });
  for (const { finding, step } of told) events(warning(finding, step));
  const [first] = told;
  if (first === undefined || !plan.linkCheck.isError) return;
  throw new ForgeError('user/lint-violation', `lint violation found for rules: ${missingLibraryRule.name}`, {
    source: first.step.source,
    hint: 'this Buildfile says check=error=true; bring in what is missing, or skip the rule',
  });
}

/** A program on scratch lacks everything: the first few things tell enough. */
const MOST_TOLD = 4;

function warning({ path, messages }: LinkFinding, step: Step) {
  const { name: rule, url } = missingLibraryRule;
  const shown = messages.slice(0, MOST_TOLD);
  const more = messages.length > shown.length ? [`and ${messages.length - shown.length} more`] : [];
  const text = [...shown, ...more].join('; ');
  const about = text.includes(path) ? text : `${path}: ${text}`;
  return {
    type: 'warning' as const,
    rule,
    url,
    message: `${about} (brought in by ${step.title})`,
    source: step.source,
  };
}

async function examine(
  { solved, solver, store, addon }: LinkCheckInput,
  results: readonly StepResult[],
): Promise<readonly LinkFinding[]> {
  const added = await addedPrograms(store, addon, results);
  if (added.size === 0) return [];
  const { state, config, platform } = solved.plan.graph.target;
  await using view = await mountView(store, [...(await solver.snapshots(state))].reverse());
  const fileNames = async () => {
    const entries = await addon.scan({ root: view.path });
    return new Set(entries.map(({ path }) => posix.basename(path)));
  };
  const env = Object.fromEntries((config.Env ?? []).map((entry) => entry.split(/=(.*)/s, 2)));
  const isCommand = commandTest(config, env.PATH);
  const root = openRoot(addon, view.path);
  const broken = await checkLinks(root, [...added.keys()], { env, platform, fileNames, isCommand });
  return broken.flatMap(({ path, messages }) => {
    const step = added.get(path);
    return step === undefined ? [] : [{ path, step, messages }];
  });
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Whether a path lies in a directory of PATH, or is what the image itself starts. */
function commandTest(config: ContainerConfig, path = DEFAULT_PATH): (path: string) => boolean {
  const directories = new Set(path.split(':'));
  const started = new Set([...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]);
  return (file) => directories.has(posix.dirname(file)) || started.has(file);
}

/** What may be a program or library, with the last step that wrote it. */
async function addedPrograms(
  store: Store,
  addon: NativeAddon,
  results: readonly StepResult[],
): Promise<ReadonlyMap<string, number>> {
  const added = new Map<string, number>();
  for (const [index, { snapshot }] of results.entries()) {
    if (snapshot === undefined) continue;
    for (const path of await candidates(store, addon, snapshot)) added.set(path, index);
  }
  return added;
}

async function candidates(
  store: Store,
  addon: NativeAddon,
  snapshot: SnapshotId,
): Promise<readonly string[]> {
  const entries = await addon.scan({ root: store.snapshots.path(snapshot) });
  return entries.filter(mayRun).map(({ path }) => `/${path}`);
}

const LIBRARY_NAME = /\.(?:so(?:\.[\w.]+)?|node)$/;

/** Libraries need no execute permission, but then they are known by their names. */
function mayRun({ type, mode, path, hardlinkOf }: ScanEntry): boolean {
  if (type !== 'file' || hardlinkOf !== undefined) return false;
  return (mode & 0o111) !== 0 || LIBRARY_NAME.test(path);
}

const directoryOf = (store: Store) => join(store.root, 'link-checks');

function recall(store: Store, key: Digest): readonly LinkFinding[] | undefined {
  const path = join(directoryOf(store), digestHex(key));
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as readonly LinkFinding[];
  } catch (error) {
    // Half written before a crash: the check is made again.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function remember(
  store: Store,
  key: Digest,
  findings: readonly LinkFinding[],
): Promise<readonly LinkFinding[]> {
  const directory = directoryOf(store);
  mkdirSync(directory, { recursive: true });
  forgetOldest(directory);
  await using temporary = await store.temporary.file();
  await writeFile(temporary.path, JSON.stringify(findings));
  await rename(temporary.path, join(directory, digestHex(key)));
  return findings;
}

/** Keeps the directory small: the older half goes when there are too many. */
function forgetOldest(directory: string): void {
  const names = readdirSync(directory);
  if (names.length < MOST_REMEMBERED) return;
  const dated = names.map((name) => ({
    name,
    ms: statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  }));
  dated.sort((a, b) => a.ms - b.ms);
  for (const { name } of dated.slice(0, dated.length / 2)) rmSync(join(directory, name), { force: true });
}
