/** What a glibc loader was built with, read out of its bytes. */
export interface LoaderImage {
  /** The default directories in order, without the trailing slash. */
  readonly systemDirectories: readonly string[];
  /** The value of $LIB. */
  readonly lib?: string;
  /** The glibc release, such as [2, 36]. */
  readonly release?: readonly [number, number];
}

const DIRECTORY = /^\/[\w.+-][\w.+/-]*\/$/;
const MAX_DIRECTORY_LENGTH = 255;

/**
 * Finds the default directories in the loader's read-only data: `system_dirs` is a run of
 * NUL-terminated strings that begin and end with a slash. Undefined when there is no such run.
 */
export function readLoaderImage(bytes: Buffer): LoaderImage | undefined {
  const run = directoryRun(bytes) ?? singleDirectory(bytes);
  if (run === undefined) return undefined;
  const systemDirectories = run.map((directory) => directory.slice(0, -1));
  const lib = libToken(bytes, systemDirectories);
  const release = releaseOf(bytes);
  return {
    systemDirectories,
    ...(lib === undefined ? {} : { lib }),
    ...(release === undefined ? {} : { release }),
  };
}

/** The first run of two or more directories: one ends and the next begins around a NUL. */
function directoryRun(bytes: Buffer): readonly string[] | undefined {
  for (
    let seam = bytes.indexOf('/\0/', 0, 'latin1');
    seam >= 0;
    seam = bytes.indexOf('/\0/', seam + 1, 'latin1')
  ) {
    const floor = Math.max(0, seam - MAX_DIRECTORY_LENGTH);
    const start = floor + bytes.subarray(floor, seam).lastIndexOf(0) + 1;
    const run = stringsFrom(bytes, start);
    if (run.length > 1) return run;
  }
  return undefined;
}

/** Consecutive directory strings from an offset on. */
function stringsFrom(bytes: Buffer, start: number): readonly string[] {
  const run: string[] = [];
  for (let at = start; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    if (end < 0 || end - at > MAX_DIRECTORY_LENGTH) break;
    const text = bytes.toString('latin1', at, end);
    if (!DIRECTORY.test(text)) break;
    run.push(text);
    at = end + 1;
  }
  return run;
}

/** A loader built with one directory, as in Nix: a string of its own that leads to a lib directory. */
function singleDirectory(bytes: Buffer): readonly string[] | undefined {
  const text = bytes
    .toString('latin1')
    .split('\0')
    .find((it) => it.length <= MAX_DIRECTORY_LENGTH && /\/lib[^/]*\/$/.test(it) && DIRECTORY.test(it));
  return text === undefined ? undefined : [text];
}

/** $LIB is the first default directory below its prefix, and stands as a string of its own. */
function libToken(bytes: Buffer, directories: readonly string[]): string | undefined {
  const names = (directories[0] ?? '').split('/').filter((name) => name !== '');
  for (let from = 0; from < names.length; from++) {
    const candidate = names.slice(from).join('/');
    if (candidate.startsWith('lib') && bytes.includes(`\0${candidate}\0`, 0, 'latin1')) return candidate;
  }
  return undefined;
}

function releaseOf(bytes: Buffer): readonly [number, number] | undefined {
  const at = bytes.indexOf('release version ', 0, 'latin1');
  if (at < 0) return undefined;
  const match = /release version (\d+)\.(\d+)/.exec(bytes.toString('latin1', at, at + 40));
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}
