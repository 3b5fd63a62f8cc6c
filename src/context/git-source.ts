import { existsSync, lutimesSync, readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitReference } from '../buildfile/index.js';
import { type Digest, digestOf, ForgeError } from '../core/index.js';
import { type ResolvedRef, resolveRef, verifyCommit } from './git-ref.js';
import { type GitOptions, git, runGit, splitCredentials } from './git-run.js';
import { redactUrl } from './redact.js';
import { locate } from './root-files.js';

export interface GitFetchOptions {
  /** An existing, empty directory to work in. */
  readonly directory: string;
  /** ADD's flags; they come before what the URL says. */
  readonly keepGitDir?: boolean;
  readonly checksum?: string;
  readonly signal: AbortSignal;
}

/** A repository's files on disk. */
export interface FetchedRepository {
  /** The checkout, or the subdirectory that was asked for. */
  readonly root: string;
  readonly commit: string;
  /** The committer's date. */
  readonly committedSeconds: number;
  /** Identifies what was fetched: commit, subdirectory and what else changes the files. */
  readonly digest: Digest;
}

function checkRemote(remote: string): void {
  const isUrl = /^(?:https?|ssh|git):\/\/[^-]/.test(remote);
  const isScp = /^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-]/.test(remote);
  if ((isUrl || isScp) && !/[\x00-\x20\x7f]/.test(remote)) return;
  throw new ForgeError('user/git-remote', `invalid git remote ${JSON.stringify(redactUrl(remote))}`, {
    hint: 'git sources are http, https, ssh or git URLs, or user@host:path',
  });
}

/** Gets one commit into a bare repository: shallow where the server can, else its whole history. */
async function fetchCommit(resolved: ResolvedRef, options: GitOptions): Promise<void> {
  const { url } = splitCredentials(options.remote);
  const common = ['fetch', '--quiet', '--no-tags', '--force', '--no-write-fetch-head'];
  const into = 'refs/forge/commit';
  const shallow = await runGit([...common, '--depth=1', '--', url, `${resolved.name}:${into}`], options);
  if (shallow.ok) return;
  const whole = await runGit([...common, '--', url, `${resolved.name}:${into}`], options);
  if (whole.ok) return;
  // A commit that no ref names, on a server that gives out refs only.
  await git([...common, '--', url, '+refs/*:refs/*'], options);
  await git(['update-ref', into, resolved.commit], options);
}

const shortName = ({ name }: ResolvedRef) => name.replace(/^refs\/(?:heads|tags)\//, '');

/** Makes the working tree, with a `.git` of its own that knows this commit only. */
async function checkOut(
  bare: string,
  tree: string,
  resolved: ResolvedRef,
  options: GitOptions,
): Promise<void> {
  const here = { ...options, directory: tree };
  const local = { ...here, local: true };
  const { url } = splitCredentials(options.remote);
  await git(['init', '--quiet'], here);
  await git(
    ['fetch', '--quiet', '--no-tags', '--depth=1', '--', `file://${bare}`, 'refs/forge/commit'],
    local,
  );
  const isNamed = resolved.name.startsWith('refs/');
  const branch = isNamed ? shortName(resolved) : 'master';
  if (resolved.name !== resolved.commit) {
    await git(['update-ref', `refs/heads/${branch}`, `${resolved.commit}^{commit}`], here);
  }
  if (resolved.name.startsWith('refs/tags/')) await git(['update-ref', resolved.name, 'FETCH_HEAD'], here);
  await git(['checkout', '--quiet', '--force', '--detach', resolved.commit], here);
  await git(['remote', 'add', '--', 'origin', url], here);
}

async function updateSubmodules(tree: string, options: GitOptions): Promise<void> {
  if (!existsSync(join(tree, '.gitmodules'))) return;
  const here = { ...options, directory: tree };
  const update = ['submodule', '--quiet', 'update', '--init', '--recursive'];
  const shallow = await runGit([...update, '--depth=1'], here);
  if (!shallow.ok) await git(update, here);
}

async function tidy(tree: string, keepGitDir: boolean, options: GitOptions): Promise<void> {
  if (!keepGitDir) return rm(join(tree, '.git'), { recursive: true, force: true });
  await git(['reflog', 'expire', '--all', '--expire=now'], { ...options, directory: tree });
  for (const name of ['FETCH_HEAD', 'ORIG_HEAD']) await rm(join(tree, '.git', name), { force: true });
}

function setTimes(directory: string, seconds: number): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) setTimes(path, seconds);
    lutimesSync(path, seconds, seconds);
  }
}

/** The asked-for directory of a checkout: its symlinks cannot lead out. */
function subdirectory(tree: string, subdir: string | undefined): string {
  if (subdir === undefined) return tree;
  const found = locate(tree, subdir, { follow: true });
  if (found?.stats.isDirectory()) return join(tree, found.path);
  throw new ForgeError('user/git-subdir', `the repository has no directory ${JSON.stringify(subdir)}`);
}

/**
 * Fetches a git source with the host's git: no hooks, no user or system configuration, only http,
 * https, ssh and git as protocols (for submodules too), no prompts; credentials are in no argument,
 * message or result. Submodules come along unless switched off; `.git` goes unless it is kept.
 */
export async function fetchGit(
  reference: GitReference,
  options: GitFetchOptions,
): Promise<FetchedRepository> {
  const { directory, signal } = options;
  const remote = reference.localAmbiguous ? `https://${reference.remote}` : reference.remote;
  const checksum = options.checksum ?? reference.checksum;
  const keepGitDir = options.keepGitDir ?? reference.keepGitDir ?? false;
  const submodules = reference.submodules ?? true;
  checkRemote(remote);
  const [bare, tree] = [join(directory, 'repository'), join(directory, 'checkout')];
  await mkdir(tree, { mode: 0o755, recursive: true });
  const running: GitOptions = { directory, signal, remote };
  const ref = reference.fetchByCommit && checksum !== undefined ? checksum : reference.ref;
  const resolved = await resolveRef(ref, running);
  verifyCommit(resolved, checksum);
  await git(['init', '--quiet', '--bare', bare], running);
  await fetchCommit(resolved, { ...running, directory: bare });
  await checkOut(bare, tree, resolved, running);
  if (submodules) await updateSubmodules(tree, running);
  const time = await git(['log', '-1', '--format=%ct', resolved.commit], { ...running, directory: tree });
  const committedSeconds = Number(time);
  if (reference.mtime === 'commit') setTimes(tree, committedSeconds);
  await tidy(tree, keepGitDir, running);
  await rm(bare, { recursive: true, force: true });
  const parts = [resolved.commit, reference.subdir ?? '', keepGitDir, submodules, reference.mtime ?? ''];
  return {
    root: subdirectory(tree, reference.subdir),
    commit: resolved.commit,
    committedSeconds,
    digest: digestOf(JSON.stringify(['git', ...parts])),
  };
}
