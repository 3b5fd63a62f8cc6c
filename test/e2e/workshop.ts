import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { busyboxTar } from '../fixtures/bases.js';
import {
  type CommandOptions,
  type CommandResult,
  forgeOn,
  output,
  PROJECT,
} from '../fixtures/forge-command.js';

/** The command itself, for what starts it in a way of its own. */
export const FORGE = `${PROJECT}bin/forge`;

/** What a test's `t` has that a workshop needs. */
export interface Teardown {
  teardown(undo: () => void | Promise<void>): void;
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A directory and a store of its own for one test. */
export interface Workshop {
  readonly directory: string;
  readonly store: string;
  readonly forge: (argv: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** As `forge`, but it has to succeed; what it printed on standard output. */
  readonly done: (argv: readonly string[], options?: CommandOptions) => Promise<string>;
  /** Writes files below a directory of this name; its path. */
  readonly context: (name: string, files: Files) => string;
  /** `forge build` with its progress read back. */
  readonly build: (argv: readonly string[], options?: CommandOptions) => Promise<BuildReport>;
}

interface ProgressEvent {
  readonly type: string;
  readonly id?: string;
  readonly reason?: string;
  readonly text?: string;
  readonly message?: string;
  readonly code?: string;
  readonly atMs: number;
  readonly steps?: readonly { readonly id: string; readonly title: string }[];
}

/** What a build did, told by its progress events. */
export interface BuildReport {
  readonly result: CommandResult;
  readonly events: readonly ProgressEvent[];
  /** Titles of the steps the target needs, without their `[2/3]`. */
  readonly needed: readonly string[];
  readonly executed: readonly string[];
  readonly cached: readonly string[];
  /** Title → why the cache did not have it. */
  readonly missed: Readonly<Record<string, string>>;
  /** Of the error it ended with. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

function report(result: CommandResult): BuildReport {
  const lines = result.stderr.split('\n').filter((line) => line.startsWith('{'));
  const events = lines.map((line) => JSON.parse(line) as ProgressEvent);
  const titles = new Map(
    events.flatMap(({ steps }) =>
      (steps ?? []).map(({ id, title }) => [id, title.replace(/^\[[^\]]*\] /, '')]),
    ),
  );
  const title = ({ id }: ProgressEvent) => titles.get(id ?? '') ?? '?';
  const of = (type: string) => events.filter((event) => event.type === type);
  const [error] = of('error');
  return {
    result,
    events,
    needed: [...titles.values()],
    executed: of('step-started').map(title),
    cached: of('step-cached').map(title),
    missed: Object.fromEntries(of('step-missed').map((event) => [title(event), event.reason ?? ''])),
    error: error && { code: error.code ?? '', message: error.message ?? '' },
  };
}

/** Writes files below a directory, making it. */
export function writeFiles(directory: string, files: Files): string {
  mkdirSync(directory, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** Mounts below a directory, as this process sees them, in the order they were made. */
export function mountsBelow(directory: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.flatMap((line) => {
    const target = line.split(' ')[1];
    return target?.startsWith(`${directory}/`) ? [target] : [];
  });
}

/** Removes a directory, and what other tools may have left mounted in it. */
export function removeTestDirectory(directory: string): void {
  for (const mount of [...mountsBelow(directory)].reverse()) execFileSync('umount', ['-l', mount]);
  rmSync(directory, { recursive: true, force: true });
}

export function makeTestDirectory(): string {
  return mkdtempSync('/tmp/forge-e2e-');
}

/** A directory that goes away with the test. */
export function testDirectory(t: Teardown): string {
  const directory = makeTestDirectory();
  t.teardown(() => removeTestDirectory(directory));
  return directory;
}

/** A workshop whose store knows `busybox`, a root file system with all its applets. */
export async function workshop(t: Teardown): Promise<Workshop> {
  const made = emptyWorkshop(testDirectory(t));
  await made.done(['import', busyboxTar(), 'busybox']);
  return made;
}

/** A workshop in a directory that exists, its store empty. */
export function emptyWorkshop(directory: string): Workshop {
  const store = join(directory, 'store');
  const forge = forgeOn(store);
  return {
    directory,
    store,
    forge,
    done: (argv, options = {}) =>
      output(FORGE, argv, { ...options, env: { FORGE_ROOT: store, ...options.env } }),
    context: (name, files) => writeFiles(join(directory, name), files),
    build: async (argv, options) => report(await forge(['build', '--progress', 'json', ...argv], options)),
  };
}
