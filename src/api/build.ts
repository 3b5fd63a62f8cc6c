import {
  type Digest,
  type ErrorCategory,
  ForgeError,
  type SourceRange,
  type StepFailure,
} from '../core/index.js';
import { runForge } from './command.js';

/** What `build` is asked for; every field means what the flag of that name means. */
export interface BuildOptions {
  /** A directory or a URL. */
  readonly context: string;
  readonly file?: string;
  readonly tags?: readonly string[];
  /** In buildx's syntax: `app.tar`, `type=local,dest=out`. */
  readonly outputs?: readonly string[];
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly buildContexts?: Readonly<Record<string, string>>;
  readonly allow?: readonly string[];
  readonly platforms?: readonly string[];
  readonly noCache?: boolean;
  readonly network?: 'none' | 'host';
  /** The store's directory. */
  readonly root?: string;
  /** Aborting stops the build and undoes what is half done; the promise rejects with `cancelled/aborted`. */
  readonly signal?: AbortSignal;
  /** Gets each progress event (docs/progress-json.md). */
  readonly onEvent?: (event: ProgressEvent) => void;
}

/** One line of `--progress json`, as docs/progress-json.md lists them. */
export interface ProgressEvent {
  readonly type: string;
  readonly atMs?: number;
  readonly [field: string]: unknown;
}

export interface BuildResult {
  /** Absent when only files were exported. */
  readonly manifestDigest?: Digest;
  readonly configDigest?: Digest;
  readonly names: readonly string[];
  readonly outputs: readonly string[];
}

interface ErrorEvent extends ProgressEvent {
  readonly code: `${ErrorCategory}/${string}`;
  readonly message: string;
  readonly hint?: string;
  readonly source?: SourceRange;
  readonly step?: StepFailure;
}

function each(flag: string, values: readonly string[] | undefined): readonly string[] {
  return (values ?? []).flatMap((value) => [flag, value]);
}

function pairs(flag: string, values: Readonly<Record<string, string>> | undefined): readonly string[] {
  return Object.entries(values ?? {}).flatMap(([name, value]) => [flag, `${name}=${value}`]);
}

function flags(options: BuildOptions): readonly string[] {
  const { file, target, network, root, platforms } = options;
  return [
    ...(file === undefined ? [] : ['--file', file]),
    ...each('--tag', options.tags),
    ...each('--output', options.outputs),
    ...(target === undefined ? [] : ['--target', target]),
    ...pairs('--build-arg', options.buildArgs),
    ...pairs('--label', options.labels),
    ...pairs('--build-context', options.buildContexts),
    ...each('--allow', options.allow),
    ...(platforms?.length ? ['--platform', platforms.join(',')] : []),
    ...(options.noCache ? ['--no-cache'] : []),
    ...(network === undefined ? [] : ['--network', network]),
    ...(root === undefined ? [] : ['--root', root]),
  ];
}

/** The last event of a kind among the lines seen. */
function parseEvent(line: string): ProgressEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  return JSON.parse(line) as ProgressEvent;
}

/**
 * Builds an image in a process of its own. Rejects with the ForgeError that the command line would
 * have shown: its code, hint and place in the Buildfile.
 */
export async function build(options: BuildOptions): Promise<BuildResult> {
  let result: BuildResult | undefined;
  let failure: ErrorEvent | undefined;
  const onErrorLine = (line: string) => {
    const event = parseEvent(line);
    if (!event) return;
    if (event.type === 'result') result = event as unknown as BuildResult;
    if (event.type === 'error') failure = event as ErrorEvent;
    options.onEvent?.(event);
  };
  const argv = ['build', '--progress', 'json', ...flags(options), '--', options.context];
  const { exitCode, stderr } = await runForge(argv, {
    onErrorLine,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  if (failure) {
    const { code, message, hint, source, step } = failure;
    throw new ForgeError(code, message, {
      ...(hint === undefined ? {} : { hint }),
      ...(source === undefined ? {} : { source }),
      ...(step === undefined ? {} : { step }),
    });
  }
  if (exitCode === 0 && result) {
    const { manifestDigest, configDigest, names, outputs } = result;
    return {
      names,
      outputs,
      ...(manifestDigest ? { manifestDigest } : {}),
      ...(configDigest ? { configDigest } : {}),
    };
  }
  throw new ForgeError('bug/no-result', `forge ended with ${exitCode}: ${stderr.toString('utf8').trim()}`);
}
