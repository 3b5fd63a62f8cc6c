import { posix } from 'node:path';
import { checkStopSignal, type Instruction, parsePorts } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import { healthcheckText, quoteList } from './history.js';
import { NOT_ENVIRONMENT, sourceDateEpochText } from './predefined-args.js';
import type { StageDraft } from './stage-draft.js';
import type { Variables } from './variables.js';

type Metadata<K extends Instruction['kind']> = Extract<Instruction, { kind: K }>;
type Expand = (word: string) => string;

/** Expansion to one word, and to words split at blanks. */
export interface MetadataExpansion {
  readonly word: Expand;
  readonly words: (text: string) => readonly string[];
}

/** Applies an instruction that changes no files but, for WORKDIR, makes a directory. */
export function lowerMetadata(
  draft: StageDraft,
  instruction: Exclude<Instruction, { kind: 'RUN' | 'COPY' | 'ADD' }>,
  { word, words }: MetadataExpansion,
  globals: Variables,
): void {
  switch (instruction.kind) {
    case 'ENV':
      lowerEnv(draft, instruction, word);
      break;
    case 'LABEL':
      lowerLabel(draft, instruction, word);
      break;
    case 'ARG':
      lowerArg(draft, instruction, word, globals);
      break;
    case 'WORKDIR':
      lowerWorkdir(draft, instruction, word, globals);
      break;
    case 'CMD':
      lowerCmd(draft, instruction);
      break;
    case 'ENTRYPOINT':
      lowerEntrypoint(draft, instruction);
      break;
    case 'EXPOSE':
      lowerExpose(draft, instruction.ports.flatMap(words));
      break;
    case 'VOLUME':
      lowerVolume(draft, instruction, word);
      break;
    case 'STOPSIGNAL':
      lowerStopSignal(draft, instruction, word);
      break;
    case 'HEALTHCHECK':
      lowerHealthcheck(draft, instruction);
      break;
    default:
      lowerSimple(draft, instruction, word);
  }
}

/** ENV: all values are expanded with the variables from before the instruction. */
function lowerEnv(draft: StageDraft, instruction: Metadata<'ENV'>, expand: Expand): void {
  const pairs = instruction.pairs.map(({ key, value }) => [expand(key), expand(value)] as const);
  for (const [key, value] of pairs) draft.setEnvironment(key, value);
  draft.record(`ENV ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`);
}

/** LABEL, merged over those inherited. */
function lowerLabel(draft: StageDraft, instruction: Metadata<'LABEL'>, expand: Expand): void {
  const pairs = instruction.pairs.map(({ key, value }) => [expand(key), expand(value)] as const);
  draft.config.Labels = { ...draft.config.Labels, ...Object.fromEntries(pairs) };
  draft.record(`LABEL ${pairs.map(([key, value]) => `${key}=${value}`).join(' ')}`);
}

/**
 * ARG: --build-arg wins, then the default, then the global ARG of the same name. All defaults are
 * expanded with the variables from before the instruction.
 */
function lowerArg(draft: StageDraft, instruction: Metadata<'ARG'>, expand: Expand, globals: Variables): void {
  const args = instruction.args.map(({ key, value }) => {
    const name = expand(key);
    // A default that a --build-arg replaces is not looked at: its ${x:?} does not fail.
    const given = draft.options.buildArgs[name];
    return { name, value: given ?? (value === undefined ? globals.get(name) : expand(value)) };
  });
  for (const { name, value } of args) draft.declareArg(name, value, !NOT_ENVIRONMENT.has(name));
  const texts = args.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`));
  draft.record(`ARG ${texts.join(' ')}`);
}

/** WORKDIR: makes the directory in a step of its own, except for `/`. An absolute path stays as written. */
function lowerWorkdir(
  draft: StageDraft,
  instruction: Metadata<'WORKDIR'>,
  expand: Expand,
  globals: Variables,
): void {
  const written = expand(instruction.path);
  const path = posix.resolve('/', draft.cwd, written);
  draft.config.WorkingDir = written.startsWith('/') ? written : path;
  const text = `WORKDIR ${draft.config.WorkingDir}`;
  if (path === '/') draft.record(text);
  else {
    const epoch = sourceDateEpochText(globals, draft.options);
    const time = epoch && /^\d{1,12}$/.test(epoch) ? { createdSeconds: Number(epoch) } : {};
    draft.addStep(instruction, { kind: 'workdir', path, user: draft.config.User ?? '', ...time }, text);
  }
}

function withShell(draft: StageDraft, command: Metadata<'CMD'>['command']): readonly string[] {
  return command.shellForm ? [...draft.shell, command.words.join(' ')] : command.words;
}

function lowerCmd(draft: StageDraft, instruction: Metadata<'CMD'>): void {
  const words = withShell(draft, instruction.command);
  draft.config.Cmd = words;
  if (instruction.command.shellForm) draft.config.ArgsEscaped = true;
  draft.commandSet = true;
  draft.record(`CMD ${quoteList(words)}`);
}

/** ENTRYPOINT drops a CMD that was inherited, not one set earlier in this stage. */
function lowerEntrypoint(draft: StageDraft, instruction: Metadata<'ENTRYPOINT'>): void {
  const words = withShell(draft, instruction.command);
  draft.config.Entrypoint = words;
  if (!draft.commandSet) delete draft.config.Cmd;
  draft.record(`ENTRYPOINT ${quoteList(words)}`);
}

/** EXPOSE, its words expanded and split. */
function lowerExpose(draft: StageDraft, words: readonly string[]): void {
  const ports = parsePorts(words);
  draft.config.ExposedPorts = {
    ...draft.config.ExposedPorts,
    ...Object.fromEntries(ports.map((port) => [port, {}])),
  };
  draft.record(`EXPOSE [${[...ports].sort().join(' ')}]`);
}

function lowerVolume(draft: StageDraft, instruction: Metadata<'VOLUME'>, expand: Expand): void {
  const volumes = instruction.volumes.map(expand);
  if (volumes.includes('')) {
    throw new ForgeError('user/volume-empty', 'VOLUME specified can not be an empty string', {
      source: instruction.source,
    });
  }
  draft.config.Volumes = {
    ...draft.config.Volumes,
    ...Object.fromEntries(volumes.map((path) => [path, {}])),
  };
  draft.record(`VOLUME [${volumes.join(' ')}]`);
}

function lowerStopSignal(draft: StageDraft, instruction: Metadata<'STOPSIGNAL'>, expand: Expand): void {
  const signal = expand(instruction.signal);
  checkStopSignal(signal);
  draft.config.StopSignal = signal;
  draft.record(`STOPSIGNAL ${signal}`);
}

function lowerHealthcheck(draft: StageDraft, instruction: Metadata<'HEALTHCHECK'>): void {
  const { test, intervalNs, timeoutNs, startPeriodNs, startIntervalNs, retries } = instruction.check;
  draft.config.Healthcheck = {
    Test: test,
    ...(intervalNs ? { Interval: intervalNs } : {}),
    ...(timeoutNs ? { Timeout: timeoutNs } : {}),
    ...(startPeriodNs ? { StartPeriod: startPeriodNs } : {}),
    ...(startIntervalNs ? { StartInterval: startIntervalNs } : {}),
    ...(retries ? { Retries: retries } : {}),
  };
  draft.record(healthcheckText(instruction.check));
}

/** The simple ones: one value into the configuration, one history entry. */
function lowerSimple(
  draft: StageDraft,
  instruction: Metadata<'USER'> | Metadata<'SHELL'> | Metadata<'ONBUILD'> | Metadata<'MAINTAINER'>,
  expand: Expand,
): void {
  switch (instruction.kind) {
    case 'USER': {
      const user = expand(instruction.user);
      draft.config.User = user;
      draft.record(`USER ${user}`);
      break;
    }
    case 'SHELL':
      draft.config.Shell = instruction.shell;
      draft.record(`SHELL [${instruction.shell.join(' ')}]`);
      break;
    case 'ONBUILD':
      draft.config.OnBuild = [...(draft.config.OnBuild ?? []), instruction.expression];
      break;
    case 'MAINTAINER':
      draft.author = instruction.name;
      draft.record(`MAINTAINER ${instruction.name}`);
      break;
  }
}
