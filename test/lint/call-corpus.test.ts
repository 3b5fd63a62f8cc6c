import test from 'ava';
import { buildfileErrorText, parseBuildfile } from '../../src/buildfile/index.js';
import { ForgeError } from '../../src/core/index.js';
import { listTargets, outline } from '../../src/lint/index.js';
import { differences, type Outcome, readCases } from '../buildfile/corpus.js';

interface CallCase {
  readonly id: string;
  readonly call: 'outline' | 'targets';
  readonly dockerfile: string;
  readonly build_args?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly expect: unknown;
}

const platform = { os: 'linux', architecture: 'amd64' };

function run({ call, dockerfile, build_args, target }: CallCase): unknown {
  try {
    const buildfile = parseBuildfile(dockerfile, 'Buildfile');
    if (call === 'targets') return { json: listTargets(buildfile) };
    const json = outline(buildfile, {
      buildArgs: build_args ?? {},
      targetPlatform: platform,
      buildPlatform: platform,
      imageConfig: () => undefined,
      namedContexts: new Map(),
      ...(target === undefined ? {} : { target }),
    });
    return { json };
  } catch (error) {
    return error instanceof ForgeError ? { error: `failed to solve: ${buildfileErrorText(error)}` } : error;
  }
}

test('the call corpus', (t) => {
  const outcomes = readCases<CallCase>('call/cases.json').map(
    (callCase): Outcome => ({
      id: `${callCase.id}:${callCase.call}`,
      expected: callCase.expect,
      actual: run(callCase),
    }),
  );
  t.true(outcomes.length > 20);
  t.is(differences(outcomes), '');
});
