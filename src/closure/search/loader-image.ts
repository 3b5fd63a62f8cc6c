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
  const strings = bytes.toString('latin1').split('\0');
  const run = longestRun(strings);
  if (run.length === 0) return undefined;
  const systemDirectories = run.map((directory) => directory.slice(0, -1));
  const lib = libToken(strings, systemDirectories);
  const release = releaseOf(strings);
  return {
    systemDirectories,
    ...(lib === undefined ? {} : { lib }),
    ...(release === undefined ? {} : { release }),
  };
}

function longestRun(strings: readonly string[]): readonly string[] {
  let best: readonly string[] = [];
  let start = 0;
  for (let index = 0; index <= strings.length; index++) {
    if (isDirectory(strings[index])) continue;
    const run = strings.slice(start, index);
    const better = run.length > best.length && (run.length > 1 || run[0]?.includes('/lib') === true);
    if (better) best = run;
    start = index + 1;
  }
  return best;
}

function isDirectory(text: string | undefined): boolean {
  return text !== undefined && text.length <= MAX_DIRECTORY_LENGTH && DIRECTORY.test(text);
}

/** $LIB is the first default directory below its prefix, and stands as a string of its own. */
function libToken(strings: readonly string[], directories: readonly string[]): string | undefined {
  const all = new Set(strings);
  const names = (directories[0] ?? '').split('/').filter((name) => name !== '');
  for (let from = 0; from < names.length; from++) {
    const candidate = names.slice(from).join('/');
    if (candidate.startsWith('lib') && all.has(candidate)) return candidate;
  }
  return undefined;
}

function releaseOf(strings: readonly string[]): readonly [number, number] | undefined {
  for (const text of strings) {
    if (!text.includes('release version ')) continue;
    const match = /release version (\d+)\.(\d+)/.exec(text);
    if (match) return [Number(match[1]), Number(match[2])];
  }
  return undefined;
}
