import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import type { BuildEvent, Digest } from '../../src/core/index.js';
import { displayWidth, fitWidth, formatBytes, neutralise, padWidth } from '../../src/progress/index.js';
import { TerminalFrame } from '../../src/progress/terminal-frame.js';
import { TtyModel } from '../../src/progress/tty-model.js';
import { endedLine, finalLines, liveLines, type ViewSize } from '../../src/progress/tty-view.js';
import { Screen } from './screen.js';

const DIGEST = `sha256:${'b'.repeat(64)}` as Digest;

const EVENTS: readonly BuildEvent[] = [
  {
    type: 'build-started',
    atMs: 0,
    steps: [
      { id: 'a', title: '[build 1/3] FROM busybox' },
      { id: 'b', title: '[build 2/3] RUN make' },
      { id: 'c', title: '[build 3/3] COPY . .' },
    ],
  },
  { type: 'step-cached', id: 'a', atMs: 10 },
  { type: 'step-missed', id: 'b', reason: 'Makefile changed' },
  { type: 'step-started', id: 'b', atMs: 100 },
  {
    type: 'step-output',
    id: 'b',
    stream: 'stdout',
    data: Buffer.from('one\ntwo\n\nthree \x1b[2Jdone\n日本語\n'),
    atMs: 200,
  },
  {
    type: 'transfer',
    id: 't',
    title: 'packing a',
    doneBytes: 0,
    totalBytes: 40e6,
    state: 'running',
    atMs: 300,
  },
  {
    type: 'transfer',
    id: 't',
    title: 'packing a',
    doneBytes: 20e6,
    totalBytes: 40e6,
    state: 'running',
    atMs: 1300,
  },
];

function modelOf(events: readonly BuildEvent[]): TtyModel {
  const model = new TtyModel();
  for (const event of events) model.apply(event);
  return model;
}

const texts = (model: TtyModel, size: ViewSize) => liveLines(model, 2100, size).map((line) => line.text);

test('live lines: heading, running step with its last output, transfer with its rate', (t) => {
  t.deepEqual(texts(modelOf(EVENTS), { columns: 50, rows: 24 }), [
    '[+] Building 2.1s (1/3)',
    ' => [build 2/3] RUN make                      2.0s',
    ' => => # one',
    ' => => # two',
    ' => => # three done',
    ' => => # 日本語',
    ' => packing a              20MB / 40MB 20MB/s 1.8s',
  ]);
});

test('live lines: a low terminal loses output first, then steps, and says so', (t) => {
  const model = modelOf(EVENTS);
  t.deepEqual(texts(model, { columns: 50, rows: 6 }), [
    '[+] Building 2.1s (1/3)',
    ' => [build 2/3] RUN make                      2.0s',
    ' => => # three done',
    ' => => # 日本語',
    ' => packing a              20MB / 40MB 20MB/s 1.8s',
  ]);
  t.deepEqual(texts(model, { columns: 50, rows: 3 }), ['[+] Building 2.1s (1/3)', ' => … 2 more']);
  t.is(texts(model, { columns: 50, rows: 1 }).length, 1);
});

test('live lines: a narrow terminal cuts lines, wide characters counted twice', (t) => {
  t.deepEqual(texts(modelOf(EVENTS), { columns: 14, rows: 24 }), [
    '[+] Building …',
    ' => [bui… 2.0s',
    ' => => # one',
    ' => => # two',
    ' => => # thre…',
    ' => => # 日本…',
    ' => packing a',
  ]);
});

test('ended steps and final lines', (t) => {
  const model = modelOf([
    ...EVENTS,
    { type: 'step-finished', id: 'b', atMs: 2100 },
    { type: 'step-failed', id: 'c', atMs: 2200, message: 'x' },
    { type: 'warning', rule: 'R', message: 'careful' },
    { type: 'result', manifestDigest: DIGEST, configDigest: DIGEST, names: ['a:1'], outputs: [], atMs: 2300 },
  ]);
  t.deepEqual(
    model.takeEnded().map((step) => endedLine(step, 60)),
    [
      { text: ' => CACHED [build 1/3] FROM busybox                     0.0s', tone: 'done' },
      { text: ' => [build 2/3] RUN make  (Makefile changed)            2.0s', tone: 'done' },
      { text: ' => ERROR [build 3/3] COPY . .                          0.0s', tone: 'failed' },
    ],
  );
  t.deepEqual(model.takeEnded(), []);
  t.deepEqual(
    finalLines(model, 2300).map((line) => line.text),
    [
      '[+] Failed after 2.3s (3/3)',
      '1 warning found:',
      ' - R: careful',
      `built ${DIGEST} in 2.3s`,
      '  tagged a:1',
    ],
  );
});

test('frames replace each other; what is permanent stays', (t) => {
  const frame = new TerminalFrame(true);
  const screen = new Screen(20, 10);
  const line = (text: string) => ({ text, tone: 'done' as const });
  screen.write('$ forge build\n');
  screen.write(frame.draw([], [line('heading 1'), line('x'.repeat(20)), line('tail')], 20));
  screen.write(frame.draw([line('step a ended')], [line('heading 2')], 20));
  screen.write(frame.draw([], [line('heading 3'), line('y')], 20));
  screen.write(frame.draw([line('step b ended'), line('over')], [], 20));
  t.deepEqual(screen.lines, ['$ forge build', 'step a ended', 'step b ended', 'over', '']);
});

test('a terminal that became narrower has wrapped the last frame: all of it is replaced', (t) => {
  const frame = new TerminalFrame(false);
  const wide = frame.draw([], [{ text: 'z'.repeat(30), tone: 'normal' }], 40);
  const screen = new Screen(12, 10);
  screen.write(wide);
  screen.write(frame.draw([], [{ text: 'short', tone: 'normal' }], 12));
  t.deepEqual(screen.lines, ['short', '']);
});

test('no live line is wider than the terminal, whatever steps print', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  fc.assert(
    fc.property(
      text,
      text,
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 12 }),
      (title, out, columns, rows) => {
        const model = modelOf([
          { type: 'build-started', atMs: 0, steps: [{ id: 'a', title }] },
          { type: 'step-started', id: 'a', atMs: 0 },
          { type: 'step-output', id: 'a', stream: 'stdout', data: Buffer.from(`${out}\n`), atMs: 0 },
        ]);
        const lines = texts(model, { columns, rows });
        t.true(lines.length <= Math.max(1, rows - 1));
        for (const line of lines) {
          t.true(displayWidth(line) <= columns, JSON.stringify(line));
          t.notRegex(line, /[\0-\x08\x0a-\x1f\x7f-\x9f]/);
        }
      },
    ),
  );
});

test('widths, sizes, neutralising', (t) => {
  t.is(displayWidth('日本e\u0301x😀'), 8);
  t.is(fitWidth('日本語', 5), '日本…');
  t.is(fitWidth('日本語', 4), '日…');
  t.is(fitWidth('abc', 0), '');
  t.is(padWidth('日', 4), '日  ');
  t.deepEqual([0, 999, 1000, 1234, 12_345, 123_456, 999_499, 999_500, 1e6, 2.5e9].map(formatBytes), [
    '0B',
    '999B',
    '1kB',
    '1.23kB',
    '12.3kB',
    '123kB',
    '999kB',
    '1MB',
    '1MB',
    '2.5GB',
  ]);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (line) => {
      const safe = neutralise(line.replaceAll('\n', ''));
      t.is(neutralise(safe), safe);
      t.notRegex(safe, /[\0-\x08\x0a-\x1f\x7f-\x9f]/);
    }),
  );
});

const DEMO = fileURLToPath(new URL('./tty-demo.js', import.meta.url));

async function onTerminal(columns: number): Promise<Screen> {
  const command = `stty cols ${columns} rows 12; exec '${process.execPath}' '${DEMO}'`;
  const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-256color', NO_COLOR: '' },
  });
  const screen = new Screen(columns, 12);
  screen.write(stdout.replaceAll('\r\n', '\n'));
  return screen;
}

test('on a real terminal: ended steps and the summary stay, live lines are gone', async (t) => {
  for (const columns of [100, 30]) {
    const { lines } = await onTerminal(columns);
    const ended = lines.filter((line) => line.startsWith(' => '));
    t.deepEqual(
      ended.map((line) => line.slice(0, 14)),
      [' => CACHED [1/', ' => [2/3] RUN ', ' => [3/3] RUN '],
    );
    t.true(ended.every((line) => line.length < columns));
    t.regex(lines.join('\n'), /\[\+\] Built in \d\.\ds \(3\/3\)\nbuilt sha256:b/);
    t.notRegex(lines.join('\n'), /# line/);
  }
});
