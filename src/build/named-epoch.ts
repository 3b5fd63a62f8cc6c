import { type Buildfile, placing, type Stage } from '../buildfile/index.js';
import type { FetchedFiles } from '../context/index.js';
import { ForgeError } from '../core/index.js';
import { contextKey, findStage, type GlobalScopeOptions, globalVariables } from '../graph/index.js';
import { loadAddon } from '../native/index.js';
import type { Contexts } from './contexts.js';
import type { MainContext } from './main-context.js';

/** What SOURCE_DATE_EPOCH can name instead of being a number. */
export interface EpochSources {
  readonly main: MainContext;
  readonly contexts: Contexts;
  readonly signal: AbortSignal;
}

/**
 * The value of a SOURCE_DATE_EPOCH that names where to take it from: `context`, a --build-context
 * or a stage that only fetches. Undefined when it names nothing, empty when that has no time.
 */
export async function namedEpoch(
  buildfile: Buildfile,
  options: GlobalScopeOptions,
  sources: EpochSources,
): Promise<string | undefined> {
  const text =
    globalVariables(buildfile, options).get('SOURCE_DATE_EPOCH') ?? options.buildArgs.SOURCE_DATE_EPOCH;
  if (text === undefined || /^\d*$/.test(text)) return undefined;
  const { main, contexts, signal } = sources;
  if (text === 'context') {
    const { modifiedSeconds, isRemote } = main;
    if (!isRemote) return '';
    return String(modifiedSeconds ?? (await newestEntry(main.directory.root)));
  }
  const { directories, remotes } = contexts.named;
  const isNamed = (name: string) => contextKey(name) === contextKey(text);
  const remote = [...remotes].find(([name]) => isNamed(name))?.[1];
  if (remote !== undefined) return epochOf(await contexts.fetch(remote, signal));
  if ([...directories.keys()].some(isNamed)) return '';
  const index = findStage(buildfile.stages, text, buildfile.stages.length);
  const stage = index === undefined ? undefined : buildfile.stages[index];
  if (!stage) return undefined;
  const times = remoteSources(stage).map(async (url) =>
    Number(await epochOf(await contexts.fetch(url, signal))),
  );
  return String(Math.max(...(await Promise.all(times))));
}

/** What the server says, else the newest of the files. */
async function epochOf({ root, modifiedSeconds }: FetchedFiles): Promise<string> {
  return String(modifiedSeconds ?? (await newestEntry(root)));
}

async function newestEntry(root: string): Promise<bigint> {
  const entries = await loadAddon().scan({ root });
  const inside = entries.filter(({ path }) => path !== '' && path !== '.');
  let newestNs = 0n;
  for (const { mtimeNs } of inside) if (mtimeNs > newestNs) newestNs = mtimeNs;
  return newestNs / 1_000_000_000n;
}

/** The URLs of a stage that does nothing but ADD them to scratch. */
function remoteSources(stage: Stage): readonly string[] {
  const refuse = (what: string): never => {
    throw new ForgeError(
      'user/source-date-epoch',
      `SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported ${what}`,
      { source: stage.source, hint: 'such a stage is FROM scratch and has only ADD with a URL' },
    );
  };
  return placing(stage.source, () => {
    if (stage.base !== 'scratch') refuse(`base ${stage.base}`);
    const urls = stage.instructions.flatMap((instruction) => {
      if (instruction.kind !== 'ADD') return refuse(`${instruction.kind} instruction`);
      if (instruction.inline.length > 0) return refuse('heredoc');
      return instruction.sources.map((source) =>
        /:\/\//.test(source) ? source : refuse(`source ${source}`),
      );
    });
    return urls.length > 0 ? urls : refuse('stage without ADD');
  });
}
