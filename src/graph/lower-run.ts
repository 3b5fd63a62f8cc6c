import { posix } from 'node:path';
import { chompHeredoc, parseMount, type RunInstruction, type RunMount } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import { runText } from './history.js';
import { proxyEnvironment } from './predefined-args.js';
import type { StageDraft } from './stage-draft.js';
import type { FileState, RunOperation, StepMount } from './types.js';

/** Where heredoc scripts with a shebang stand in a step. */
export const SCRIPT_DIRECTORY = '/dev/pipes';

interface Command {
  readonly argv: readonly string[];
  readonly script?: RunOperation['script'];
}

/**
 * The command of a RUN. A lone heredoc is the shell's text, or an executable file when it starts
 * with `#!`; other heredocs are put back together for the shell to read.
 */
function runCommand(draft: StageDraft, instruction: RunInstruction): Command {
  const { command, heredocs } = instruction;
  if (!command.shellForm) return { argv: command.words };
  const text = command.words.join(' ');
  const shell = (line: string) => [...draft.shell, line];
  const [only] = heredocs;
  if (!only) return { argv: shell(text) };
  if (!isLoneHeredoc(text)) {
    return { argv: shell([text, ...heredocs.map(({ content, name }) => content + name)].join('\n')) };
  }
  const content = only.chomp ? chompHeredoc(only.content) : only.content;
  if (!content.startsWith('#!')) return { argv: shell(content) };
  return { argv: shell(`${SCRIPT_DIRECTORY}/${only.name}`), script: { name: only.name, content } };
}

function isLoneHeredoc(text: string): boolean {
  return /^\d*<<-?\s*(?:[^\s<'"]+|"[^"]*"|'[^']*')$/.test(text.trim());
}

/** Lowers one RUN; `mountFrom` finds the file system that a mount's `from` names. */
export function lowerRun(
  draft: StageDraft,
  instruction: RunInstruction,
  expand: (word: string) => string,
  mountFrom: (name: string | undefined) => FileState,
): void {
  const { argv, script } = runCommand(draft, instruction);
  const value = (name: string) => draft.environment.get(name) ?? '';
  const operation: RunOperation = {
    kind: 'run',
    argv,
    display: argv.join(' '),
    env: draft.environment.toStrings(),
    proxyEnv: proxyEnvironment(draft.options.buildArgs),
    cwd: draft.cwd,
    user: draft.config.User ?? '',
    mounts: instruction.mounts.map((raw) =>
      lowerMount(draft, instruction, parseMount(raw, expand), mountFrom),
    ),
    network: instruction.network === 'default' ? draft.options.network : instruction.network,
    asksHostNetwork: instruction.network === 'host',
    insecure: instruction.security === 'insecure',
    limits: instruction.limits,
    ...(script ? { script } : {}),
  };
  draft.addStep(instruction, operation, runText(argv, draft.declaredArgs, value));
}

function mountTarget(draft: StageDraft, instruction: RunInstruction, target: string | undefined): string {
  const path = target === undefined || target === '' ? '/' : posix.resolve('/', draft.cwd, target);
  if (path !== '/') return path;
  throw new ForgeError('user/mount-target', 'invalid mount target "/"', {
    source: instruction.source,
    hint: 'give the mount a target=DIRECTORY other than the root',
  });
}

function lowerMount(
  draft: StageDraft,
  instruction: RunInstruction,
  mount: RunMount,
  mountFrom: (name: string | undefined) => FileState,
): StepMount {
  const source = posix.resolve('/', mount.source ?? '/');
  switch (mount.type) {
    case 'bind':
      return {
        kind: 'bind',
        from: mountFrom(mount.from),
        source,
        target: mountTarget(draft, instruction, mount.target),
        readonly: mount.readonly ?? true,
      };
    case 'cache':
      return cacheMount(draft, mount, mountTarget(draft, instruction, mount.target), mountFrom);
    case 'tmpfs':
      return {
        kind: 'tmpfs',
        target: mountTarget(draft, instruction, mount.target),
        ...(mount.sizeBytes === undefined ? {} : { sizeBytes: mount.sizeBytes }),
      };
    case 'secret':
      return secretMount(draft, instruction, mount);
    case 'ssh':
      return sshMount(draft, instruction, mount);
  }
}

function cacheMount(
  draft: StageDraft,
  mount: RunMount,
  target: string,
  mountFrom: (name: string | undefined) => FileState,
): StepMount {
  const namespace = draft.options.buildArgs.BUILDKIT_CACHE_MOUNT_NS;
  const id = mount.id ?? target;
  return {
    kind: 'cache',
    id: namespace ? posix.join(namespace, id) : id,
    target,
    sharing: mount.sharing ?? 'shared',
    ...(mount.from === undefined ? {} : { from: mountFrom(mount.from) }),
    source: posix.resolve('/', mount.source ?? '/'),
    mode: mount.mode ?? 0o755,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
    ownerGiven: mount.mode !== undefined || mount.uid !== undefined || mount.gid !== undefined,
    readonly: mount.readonly ?? false,
  };
}

function secretMount(draft: StageDraft, instruction: RunInstruction, mount: RunMount): StepMount {
  const id = mount.id ?? (mount.target === undefined ? undefined : posix.basename(mount.target));
  if (id === undefined || id === '') {
    throw new ForgeError('user/secret-id', 'secret mount needs an id or a target', {
      source: instruction.source,
    });
  }
  const asFile = mount.target !== undefined || mount.env === undefined;
  const target = mount.target ?? `/run/secrets/${posix.basename(id)}`;
  return {
    kind: 'secret',
    id,
    ...(asFile ? { target: posix.resolve('/', draft.cwd, target) } : {}),
    ...(mount.env === undefined ? {} : { env: mount.env }),
    required: mount.required ?? false,
    mode: mount.mode ?? 0o400,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function sshMount(draft: StageDraft, instruction: RunInstruction, mount: RunMount): StepMount {
  const earlier = instruction.mounts.filter((raw) => raw.includes('type=ssh')).length - 1;
  return {
    kind: 'ssh',
    id: mount.id ?? 'default',
    target: posix.resolve('/', draft.cwd, mount.target ?? `/run/buildkit/ssh_agent.${Math.max(0, earlier)}`),
    required: mount.required ?? false,
    mode: mount.mode ?? 0o600,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}
