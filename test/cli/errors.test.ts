import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { exitCodeOf } from '../../src/cli/exit-code.js';
import { renderError, renderErrorJson } from '../../src/cli/render-error.js';
import { sourceExcerpt } from '../../src/cli/source-excerpt.js';
import { cancelled, ForgeError, wrapError } from '../../src/core/index.js';

const PLAIN = { hasColour: false, isDebug: false, sourceDirectories: ['/'] };

test('a place in a Buildfile: its lines alone, with a caret, when the file cannot be read', (t) => {
  const source = { file: '<stdin>', startLine: 9, endLine: 10, column: 5, text: ['RUN foo \\', '  bar'] };
  t.deepEqual(sourceExcerpt(source, ['/']), [
    '<stdin>:9',
    '--------------------',
    '   9 | >>> RUN foo \\',
    '     |         ^',
    '  10 | >>>   bar',
    '--------------------',
  ]);
});

test('a place in a Buildfile: with what is around it, if the file still reads the same', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'forge-excerpt-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'Dockerfile');
  const source = { file: 'Dockerfile', startLine: 1, endLine: 1, text: ['FROM scratch'] };
  await writeFile(file, 'FROM scratch\nCOPY a /\nFOO bar\n\tENV x=y\nLABEL a=b\nLABEL c=d\n');
  t.deepEqual(sourceExcerpt({ file, startLine: 3, endLine: 3, column: 1, text: ['FOO bar'] }, ['/']), [
    `${file}:3`,
    '--------------------',
    '   1 |     FROM scratch',
    '   2 |     COPY a /',
    '   3 | >>> FOO bar',
    '     |     ^',
    '   4 |     \tENV x=y',
    '   5 |     LABEL a=b',
    '--------------------',
  ]);
  t.is(sourceExcerpt(source, ['/', directory])[3], '   2 |     COPY a /');
  t.is(sourceExcerpt(source, ['/'])[3], '--------------------');
  t.deepEqual(
    sourceExcerpt({ file, startLine: 4, endLine: 4, column: 2, text: ['\tENV x=y'] }, ['/']).slice(4, 6),
    ['   4 | >>> \tENV x=y', '     |     \t^'],
  );
  t.deepEqual(sourceExcerpt({ file, startLine: 3, endLine: 3, text: ['OTHER'] }, ['/']).slice(1), [
    '--------------------',
    '   3 | >>> OTHER',
    '--------------------',
  ]);
});

test('a failed step: its output, its place, what happened, the limit, the hint', (t) => {
  const error = new ForgeError(
    'step/failed',
    'process "/bin/sh -c make" did not complete successfully: exit code: 2',
    {
      hint: 'forge run --rm -it sha256:1234 sh looks at the files before this step',
      source: { file: 'Buildfile.absent', startLine: 7, endLine: 7, text: ['RUN make'] },
      step: {
        argv: ['/bin/sh', '-c', 'make'],
        exitCode: 2,
        logTail: ['cc -c a.c', 'a.c:1: \x1b[31merror\x1b[0m', 'make: *** [all] Error 1'],
        limit: { name: 'memory', value: '64MiB', flag: '--memory' },
      },
    },
  );
  t.is(
    renderError(error, PLAIN),
    `------
 > /bin/sh -c make:
cc -c a.c
a.c:1: error
make: *** [all] Error 1
------
Buildfile.absent:7
--------------------
   7 | >>> RUN make
--------------------
ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2
limit: it hit the memory limit of 64MiB; --memory raises it
hint: forge run --rm -it sha256:1234 sh looks at the files before this step
`,
  );
  const { atMs, ...json } = JSON.parse(renderErrorJson(error, 1));
  t.true(Math.abs(atMs - Date.now()) < 60_000);
  t.deepEqual(json, {
    type: 'error',
    code: 'step/failed',
    message: error.message,
    hint: error.hint,
    source: error.source,
    step: error.step,
    exitCode: 1,
  });
});

test('other errors: expected and actual, colours, system failures, bugs with their stack', (t) => {
  const integrity = new ForgeError('integrity/digest', 'blob is damaged', {
    expected: 'sha256:a',
    actual: 'sha256:b',
  });
  t.is(renderError(integrity, PLAIN), 'ERROR: blob is damaged\nexpected: sha256:a\nactual:   sha256:b\n');
  t.is(
    renderError(new ForgeError('user/x', 'no\x1b[2J\nsecond line'), { ...PLAIN, hasColour: true }),
    '\x1b[31mERROR:\x1b[0m \x1b[1mno\x1b[0m\nsecond line\n',
  );
  const full = Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC', syscall: 'write', path: '/x' });
  t.is(
    renderError(wrapError(full, 'packing a layer'), PLAIN),
    'ERROR: packing a layer: write /x: ENOSPC\nhint: free some space (forge prune), or point --root at a larger disk\n',
  );
  const bug = renderError(new TypeError('x is not a function'), PLAIN);
  t.regex(bug, /^ERROR: unexpected failure: x is not a function\nthis is a bug in forge[^\n]*\nForgeError: /);
  t.regex(bug, /\ncaused by: TypeError: x is not a function\n {4}at /);
  t.is(renderError(cancelled(), PLAIN), 'cancelled\n');
});

test('exit codes', (t) => {
  const of = (code: `${'user' | 'step' | 'system' | 'cancelled'}/${string}`, isRun: boolean) =>
    exitCodeOf(new ForgeError(code, ''), isRun);
  t.is(of('user/usage', false), 1);
  t.is(of('step/failed', false), 1);
  t.is(exitCodeOf(new TypeError('x'), false), 1);
  t.is(of('cancelled/aborted', false), 130);
  t.is(of('cancelled/aborted', true), 130);
  t.is(of('system/broken-pipe', false), 141);
  t.is(of('user/usage', true), 125);
  t.is(of('step/command-not-found', true), 127);
  t.is(of('step/command-not-executable', true), 126);
  t.is(of('step/command-not-found', false), 1);
});
