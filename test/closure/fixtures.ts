import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import type { Closure } from '../../src/closure/index.js';

/** A directory that is gone after the test. */
export function scratch(t: { teardown(fn: () => void): void }): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'closure-')));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function write(path: string, content: string | Buffer, mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
  return path;
}

export interface BuildOptions {
  /** Libraries to be named in DT_NEEDED, by path. */
  readonly needs?: readonly string[];
  readonly flags?: readonly string[];
  readonly source?: string;
  readonly compiler?: string;
  readonly soname?: string | false;
}

function compile(
  output: string,
  kind: readonly string[],
  { needs = [], flags = [], source, compiler = 'gcc' }: BuildOptions,
): string {
  mkdirSync(dirname(output), { recursive: true });
  const libraries = needs.flatMap((path) => [`-L${dirname(path)}`, `-l:${posix.basename(path)}`]);
  const linking = [
    '-Wl,--no-as-needed',
    '-Wl,--allow-shlib-undefined',
    '-Wl,--unresolved-symbols=ignore-all',
    ...libraries,
  ];
  execFileSync(compiler, [...kind, '-x', 'c', '-', '-o', output, ...linking, ...flags], {
    input: source ?? 'int main(void) { return 0; }\n',
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  return output;
}

export function buildLibrary(output: string, options: BuildOptions = {}): string {
  const soname = options.soname === false ? [] : [`-Wl,-soname,${options.soname ?? posix.basename(output)}`];
  return compile(output, ['-shared', '-fPIC', ...soname], { source: 'int symbol;\n', ...options });
}

export function buildProgram(output: string, options: BuildOptions = {}): string {
  return compile(output, [], options);
}

/** Every symlink and the final file that the kernel passes on the way to `path`. */
export function passed(path: string, into: Set<string>): void {
  follow(path, into);
  into.add(realpathSync(path));
}

function follow(path: string, into: Set<string>): void {
  let real = '';
  for (const name of path.split('/').slice(1)) {
    const next = `${real}/${name}`;
    if (lstatSync(next).isSymbolicLink()) {
      into.add(next);
      follow(posix.resolve(real || '/', readlinkSync(next)), into);
    }
    real = realpathSync(next);
  }
}

export interface Traced {
  /** The program, the files loaded, and all links to them. */
  readonly files: readonly string[];
  readonly missing: readonly string[];
}

/** Reads what a loader prints about one program instead of running it. */
export function parseTrace(program: string, output: string): Traced {
  const files = new Set<string>();
  const missing: string[] = [];
  passed(program, files);
  for (const line of output.split('\n')) {
    const path = /(?:=> |^\t)(\/[^ ]+) \(0x/.exec(line)?.[1];
    const name =
      /^\t(\S+) => not found/.exec(line)?.[1] ?? /^Error loading shared library (\S+):/.exec(line)?.[1];
    if (path !== undefined) passed(path, files);
    else if (name !== undefined) missing.push(name);
  }
  return { files: [...files].sort(), missing };
}

/** What glibc's loader makes of a program that we have compiled ourselves. */
export function traceGlibc(program: string, env: Readonly<Record<string, string>> = {}): Traced {
  const output = execFileSync('sh', ['-c', 'LD_TRACE_LOADED_OBJECTS=1 "$0" 2>&1; true', program], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  return parseTrace(program, output);
}

/** What musl's loader makes of it. */
export function traceMusl(program: string, env: Readonly<Record<string, string>> = {}): Traced {
  const output = execFileSync('sh', ['-c', '/lib/ld-musl-x86_64.so.1 --list "$0" 2>&1; true', program], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  const traced = parseTrace(program, output);
  // --list names the loader as it was called; the program says the same path in PT_INTERP.
  return traced;
}

export function pathsOf({ files }: Closure): readonly string[] {
  return files.map(({ path }) => path);
}

/** Makes a runnable root of a closure, as `--copy-to` does. */
export function materialise(
  closure: Closure,
  source: string,
  target: string,
  generated: (path: string) => Buffer,
): void {
  for (const file of closure.files) {
    const at = join(target, file.path);
    mkdirSync(dirname(at), { recursive: true });
    if (file.kind === 'symlink') symlinkSync(file.target ?? '', at);
    else if (file.kind === 'dir') mkdirSync(at, { recursive: true });
    else if (file.kind === 'generated') writeFileSync(at, generated(file.path));
    else linkOrCopy(join(source, file.source ?? file.path), at);
  }
}

/** What runs in these roots writes nothing, so that a second name of the file will do. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** Runs a command with `root` as its root directory. */
export function runInRoot(
  root: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  return execFileSync('unshare', ['-r', `--root=${root}`, ...command], {
    encoding: 'utf8',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
