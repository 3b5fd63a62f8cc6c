import { posix } from 'node:path';
import { type Buildfile, type Expansion, expand, lookupIn, parseMount } from '../buildfile/index.js';
import { findStage, globalVariables, targetStage } from '../graph/index.js';
import { FactCollector } from './facts.js';
import { stageInputs } from './reachable.js';
import { type CallLocation, callLocation } from './targets.js';
import type { InstructionFacts, LintOptions, StageFacts } from './types.js';

/** A build arg that the target takes. */
export interface OutlineArg {
  readonly name: string;
  readonly description?: string;
  readonly value?: string;
  readonly location: CallLocation;
}

/** A secret or an ssh agent that the target asks for. */
export interface OutlineRequest {
  readonly name: string;
  readonly required?: true;
  readonly location: CallLocation;
}

/** What `--call=outline` prints: what one target can be given. */
export interface Outline {
  readonly name?: string;
  readonly description?: string;
  readonly args?: readonly OutlineArg[];
  readonly secrets?: readonly OutlineRequest[];
  readonly ssh?: readonly OutlineRequest[];
}

export type OutlineOptions = Pick<
  LintOptions,
  'buildArgs' | 'targetPlatform' | 'buildPlatform' | 'target' | 'imageConfig' | 'namedContexts'
>;

/** Collects, nearest stage first, one entry per name. */
class Entries<T extends { readonly name: string; readonly location: CallLocation }> {
  readonly #byName = new Map<string, T>();

  add(entry: T): void {
    if (!this.#byName.has(entry.name)) this.#byName.set(entry.name, entry);
  }

  /** In the order of the file. */
  list(): readonly T[] {
    const line = ({ location }: T) => location.ranges[0]?.start.line ?? 0;
    return [...this.#byName.values()].sort((a, b) => line(a) - line(b));
  }
}

interface Draft {
  readonly args: Entries<OutlineArg>;
  readonly secrets: Entries<OutlineRequest>;
  readonly ssh: Entries<OutlineRequest>;
}

/** The global ARGs with what they use, by name. */
type GlobalArgs = ReadonlyMap<string, { readonly arg: OutlineArg; readonly uses: ReadonlySet<string> }>;

function globalArgs(buildfile: Buildfile, options: OutlineOptions): GlobalArgs {
  const globals = globalVariables(buildfile, options);
  const found = new Map<string, { readonly arg: OutlineArg; readonly uses: ReadonlySet<string> }>();
  for (const { args, source } of buildfile.metaArgs) {
    for (const { key, value, doc } of args) {
      const chosen = globals.get(key);
      const isDefault = value !== undefined && options.buildArgs[key] === undefined;
      const uses = isDefault ? namesIn(value, buildfile) : new Set<string>();
      found.set(key, { arg: outlineArg(key, doc, chosen, callLocation(source)), uses });
    }
  }
  return found;
}

/** All names that a text reads, set or not. */
function namesIn(text: string, buildfile: Buildfile): ReadonlySet<string> {
  return expand(text, lookupIn([]), { escape: buildfile.directives.escape, skipUnset: true }).unmatched;
}

function outlineArg(
  name: string,
  description: string | undefined,
  value: string | undefined,
  location: CallLocation,
): OutlineArg {
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(value === undefined ? {} : { value }),
    location,
  };
}

/** Adds global ARGs, and those that their defaults use. */
function addGlobals(draft: Draft, names: Iterable<string>, globals: GlobalArgs): void {
  const pending = new Set(names);
  // The set grows while it is walked.
  for (const name of pending) {
    const found = globals.get(name);
    if (found === undefined) continue;
    draft.args.add(found.arg);
    for (const used of found.uses) pending.add(used);
  }
}

interface Context {
  readonly draft: Draft;
  readonly globals: GlobalArgs;
  readonly options: OutlineOptions;
}

function addArgs({ draft, globals, options }: Context, { instruction, words }: InstructionFacts): void {
  if (instruction.kind !== 'ARG') return;
  let at = 0;
  for (const { value, doc } of instruction.args) {
    const name = words[at]?.text ?? '';
    const fallback = value === undefined ? undefined : words[at + 1]?.text;
    at += value === undefined ? 1 : 2;
    const given = options.buildArgs[name];
    // An ARG that only lets a global one in shows as that one.
    if (given === undefined && value === undefined && globals.has(name)) addGlobals(draft, [name], globals);
    else if (given !== undefined || value !== undefined || !isPlatformArg(name)) {
      draft.args.add(outlineArg(name, doc, given ?? fallback, callLocation(instruction.source)));
    }
  }
}

const isPlatformArg = (name: string) =>
  /^(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT|OSVERSION)$|^TARGETSTAGE$/.test(name);

function addRequests({ draft }: Context, { instruction, words }: InstructionFacts): void {
  if (instruction.kind !== 'RUN') return;
  const values = words.values();
  const nextWord = (): string => (values.next().value as Expansion | undefined)?.text ?? '';
  for (const raw of instruction.mounts) {
    const { type, id, target, required } = parseMount(raw, nextWord);
    if (type !== 'secret' && type !== 'ssh') continue;
    const name = id ?? (type === 'ssh' ? 'default' : posix.basename(target ?? ''));
    const entries = type === 'ssh' ? draft.ssh : draft.secrets;
    entries.add({ name, ...(required ? { required } : {}), location: callLocation(instruction.source) });
  }
}

function addStage(context: Context, facts: StageFacts, instructions: readonly InstructionFacts[]): void {
  const own = instructions.filter(({ stageIndex }) => stageIndex === facts.index);
  // Later ARGs of a name replace earlier ones, and the first entry added stays.
  for (const instruction of own.toReversed()) addArgs(context, instruction);
  for (const instruction of own) addRequests(context, instruction);
  const used = [...facts.base.matched, ...(facts.platform?.matched ?? [])];
  addGlobals(context.draft, used, context.globals);
}

/** The stages that a target needs: itself, its base, what it copies from, and theirs in turn. */
function nearestFirst(
  buildfile: Buildfile,
  target: number,
  stages: readonly StageFacts[],
): readonly StageFacts[] {
  const order = new Set([target]);
  for (const index of order) {
    const facts = stages[index];
    if (facts === undefined) continue;
    const base = findStage(buildfile.stages, facts.base.text, index);
    for (const input of [base, ...stageInputs(buildfile, facts)]) if (input !== undefined) order.add(input);
  }
  return [...order].flatMap((index) => stages[index] ?? []);
}

/**
 * Says what a target can be given: build args with their values, secrets and ssh agents, of its
 * stage and of all stages that it needs. Throws the mistakes that a build would find.
 */
export function outline(buildfile: Buildfile, options: OutlineOptions): Outline {
  const index = targetStage(buildfile.stages, options.target);
  const collector = new FactCollector(buildfile, { ...options, scope: 'target' });
  collector.collect();
  const draft: Draft = { args: new Entries(), secrets: new Entries(), ssh: new Entries() };
  const context = { draft, globals: globalArgs(buildfile, options), options };
  for (const facts of nearestFirst(buildfile, index, collector.stages))
    addStage(context, facts, collector.instructions);
  const stage = buildfile.stages[index];
  const [args, secrets, ssh] = [draft.args.list(), draft.secrets.list(), draft.ssh.list()];
  return {
    ...(stage?.name === undefined ? {} : { name: stage.name }),
    ...(stage?.doc === undefined ? {} : { description: stage.doc }),
    ...(args.length === 0 ? {} : { args }),
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(ssh.length === 0 ? {} : { ssh }),
  };
}
