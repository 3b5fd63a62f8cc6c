import { spawn } from 'node:child_process';
import { cancelled, ForgeError, isNotFound } from '../core/index.js';
import { redactUrl } from './redact.js';

/** What git may speak; `ext::`, `file://` and remote helpers are none of it. */
const PROTOCOLS = 'http:https:ssh:git';

/** Settings that no repository and no user configuration can override. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.askPass', ''],
  ['core.protectHFS', 'true'],
  ['core.protectNTFS', 'true'],
  ['credential.helper', ''],
  ['init.defaultBranch', 'master'],
  ['init.templateDir', '/usr/share/git-core/templates'],
  ['advice.detachedHead', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['submodule.recurse', 'false'],
  ['fetch.unpackLimit', '10000'],
];

export interface GitOptions {
  readonly directory: string;
  readonly signal: AbortSignal;
  /** The remote with its credentials; they reach git by its environment, not by its arguments. */
  readonly remote: string;
  /** Local repositories may be read: only for our own intermediate one. */
  readonly local?: boolean;
}

/** The remote without credentials, and the git setting that puts them back in. */
export function splitCredentials(remote: string): {
  readonly url: string;
  readonly setting?: readonly [string, string];
} {
  const match = /^(https?:\/\/)([^/@]+)@([^/]+\/?)/.exec(remote);
  if (!match) return { url: remote };
  const [whole, scheme = '', , host = ''] = match;
  return {
    url: scheme + host + remote.slice(whole.length),
    setting: [`url.${whole}.insteadOf`, scheme + host],
  };
}

function environment({ remote, local }: GitOptions): NodeJS.ProcessEnv {
  const { setting } = splitCredentials(remote);
  const settings = setting ? [...SETTINGS, setting] : SETTINGS;
  const { PATH, HOME, SSH_AUTH_SOCK, SSL_CERT_FILE, SSL_CERT_DIR, GIT_SSL_CAINFO } = process.env;
  const { http_proxy, https_proxy, no_proxy, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, all_proxy, ALL_PROXY } =
    process.env;
  return {
    ...{ PATH: PATH ?? '/usr/bin:/bin', HOME, SSH_AUTH_SOCK, SSL_CERT_FILE, SSL_CERT_DIR, GIT_SSL_CAINFO },
    ...{ http_proxy, https_proxy, no_proxy, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, all_proxy, ALL_PROXY },
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
    GIT_ALLOW_PROTOCOL: local ? 'file' : PROTOCOLS,
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

/** How a git command ended. */
export interface GitOutcome {
  readonly ok: boolean;
  readonly stdout: string;
  /** Without credentials. */
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

function withoutCredentials(text: string, remote: string): string {
  const secret = /^[a-z]+:\/\/([^/@]+)@/i.exec(remote)?.[1];
  const clean = secret === undefined ? text : text.replaceAll(`${secret}@`, '');
  return clean.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s'"]+/gi, redactUrl);
}

/**
 * Runs the host's git with hooks, helpers, prompts, user and system configuration switched off and
 * umask 022. `user/git-missing` when there is no git; `cancelled/aborted` on abort.
 */
export async function runGit(args: readonly string[], options: GitOptions): Promise<GitOutcome> {
  const { directory, signal, remote } = options;
  if (signal.aborted) throw cancelled();
  const child = spawn('/bin/sh', ['-c', 'umask 022; exec git "$@"', 'git', ...args], {
    cwd: directory,
    env: environment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
    if (output[name].length < MAX_OUTPUT_BYTES) output[name] += chunk.toString('utf8');
  };
  child.stdout.on('data', collect('stdout'));
  child.stderr.on('data', collect('stderr'));
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', kill);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (signal.aborted) throw cancelled();
    if (code === 127) throw gitMissing();
    return {
      ok: code === 0,
      stdout: output.stdout,
      stderr: withoutCredentials(output.stderr.trim(), remote),
    };
  } catch (error) {
    throw isNotFound(error) ? gitMissing(error) : error;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function gitMissing(cause?: unknown): ForgeError {
  return new ForgeError('user/git-missing', 'git sources need the program git on this machine', {
    hint: 'install git (Debian: apt-get install git)',
    cause,
  });
}

/** Runs git and gives its output; its failure is `remote/git` with what it said. */
export async function git(args: readonly string[], options: GitOptions): Promise<string> {
  const { ok, stdout, stderr } = await runGit(args, options);
  if (ok) return stdout;
  throw new ForgeError('remote/git', `git ${args[0]} of ${redactUrl(options.remote)} failed: ${stderr}`);
}
