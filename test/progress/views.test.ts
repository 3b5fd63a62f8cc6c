import test from 'ava';
import type { BuildEvent, Digest } from '../../src/core/index.js';
import { toJsonLine } from '../../src/progress/index.js';
import { JsonView } from '../../src/progress/json.js';
import { PlainView } from '../../src/progress/plain.js';

const bytes = (text: string) => Buffer.from(text);
const DIGEST = `sha256:${'a'.repeat(64)}` as Digest;

const STARTED: BuildEvent = {
  type: 'build-started',
  atMs: 1000,
  steps: [
    { id: 'a', title: '[build 1/2] FROM busybox' },
    { id: 'b', title: '[build 2/2] RUN make' },
    { id: 'c', title: '[web 1/1] RUN npm ci' },
  ],
};

const output = (id: string, text: string, atMs: number): BuildEvent => ({
  type: 'step-output',
  id,
  stream: 'stdout',
  data: bytes(text),
  atMs,
});

function plain(events: readonly BuildEvent[]): string {
  const view = new PlainView();
  return events.map((event) => view.apply(event)).join('') + view.end();
}

test('plain: cached, missed, output with its times, usage, result', (t) => {
  const text = plain([
    STARTED,
    { type: 'step-cached', id: 'a', atMs: 1010 },
    { type: 'step-missed', id: 'b', reason: 'package.json changed' },
    { type: 'step-started', id: 'b', atMs: 1020 },
    output('b', 'cc -c a.c\ncc -', 1143),
    output('b', 'c b.c\n', 1250),
    output('b', 'no newline', 1300),
    { type: 'step-finished', id: 'b', atMs: 2320, usage: { memoryPeakBytes: 12_345_678 } },
    {
      type: 'result',
      manifestDigest: DIGEST,
      configDigest: DIGEST,
      names: ['app:latest'],
      outputs: ['app.tar'],
      atMs: 2500,
    },
  ]);
  t.is(
    text,
    `#1 [build 1/2] FROM busybox
#1 CACHED

#2 [build 2/2] RUN make
#2 not cached: package.json changed
#2 0.123 cc -c a.c
#2 0.230 cc -c b.c
#2 1.300 no newline
#2 DONE 1.3s (peak memory 12.3MB)

built ${DIGEST} in 1.5s
  tagged app:latest
  wrote app.tar
`,
  );
});

test('plain: parallel steps take turns of a second, nothing is lost', (t) => {
  const text = plain([
    STARTED,
    { type: 'step-started', id: 'b', atMs: 1000 },
    { type: 'step-started', id: 'c', atMs: 1000 },
    output('b', 'b1\n', 1100),
    output('c', 'c1\n', 1200),
    output('b', 'b2\n', 1300),
    output('b', 'b3\n', 2100),
    output('c', 'c2\n', 2200),
    output('b', 'b4\n', 2300),
    { type: 'step-finished', id: 'c', atMs: 2400 },
    { type: 'step-failed', id: 'b', atMs: 2500, message: 'process "make" failed: exit code: 2' },
  ]);
  t.is(
    text,
    `#1 [build 2/2] RUN make
#1 0.100 b1
#1 0.300 b2
#1 1.100 b3
#1 ...

#2 [web 1/1] RUN npm ci
#2 0.200 c1
#2 1.200 c2
#2 DONE 1.4s

#1 [build 2/2] RUN make
#1 1.300 b4
#1 ERROR: process "make" failed: exit code: 2
`,
  );
});

test('plain: a silent step gives its turn away by the clock alone', (t) => {
  const view = new PlainView();
  view.apply(STARTED);
  t.is(view.apply({ type: 'step-started', id: 'b', atMs: 1000 }), '#1 [build 2/2] RUN make\n');
  t.is(view.apply({ type: 'step-started', id: 'c', atMs: 1001 }), '');
  t.is(view.apply(output('c', 'c1\n', 1002)), '');
  t.is(view.tick(1999), '');
  t.is(view.tick(2000), '#1 ...\n\n#2 [web 1/1] RUN npm ci\n#2 0.001 c1\n');
});

test('plain: a megabyte held back is shown at once', (t) => {
  const view = new PlainView();
  view.apply(STARTED);
  view.apply({ type: 'step-started', id: 'b', atMs: 1000 });
  view.apply({ type: 'step-started', id: 'c', atMs: 1000 });
  const shown = view.apply(output('c', 'x'.repeat(60_000).concat('\n').repeat(20), 1001));
  t.true(shown.startsWith('#1 ...\n\n#2 [web 1/1] RUN npm ci\n#2 0.001 xxx'));
  t.is(shown.length - shown.replaceAll('x', '').length, 1_200_000 - 0);
});

test('plain: layers and outputs share one group; long ones report each five seconds', (t) => {
  const transfer = (doneBytes: number, state: 'running' | 'done' | 'failed', atMs: number): BuildEvent => ({
    type: 'transfer',
    id: 'l1',
    title: 'packing layer 1',
    doneBytes,
    totalBytes: 40_000_000,
    state,
    atMs,
  });
  t.is(
    plain([
      transfer(0, 'running', 0),
      transfer(5_000_000, 'running', 1000),
      transfer(12_345_678, 'running', 5000),
      transfer(20_000_000, 'running', 9999),
      transfer(40_000_000, 'done', 12_000),
      { ...transfer(0, 'failed', 13_000), id: 'l2' } as BuildEvent,
    ]),
    `#1 layers and outputs
#1 packing layer 1 12.3MB / 40MB 5.0s
#1 packing layer 1 40MB 12.0s done
#1 packing layer 1 0B FAILED
`,
  );
});

test('plain: lines of transfers wait for a gap of the steps, though not for long', (t) => {
  const view = new PlainView();
  const done = (id: string, atMs: number): BuildEvent => ({
    type: 'transfer',
    id,
    title: `packing ${id}`,
    doneBytes: 1,
    state: 'done',
    atMs,
  });
  view.apply(STARTED);
  t.is(view.apply({ type: 'step-cached', id: 'a', atMs: 1000 }), '#1 [build 1/2] FROM busybox\n#1 CACHED\n');
  t.is(view.apply(done('a', 1001)), '');
  t.is(view.apply({ type: 'step-started', id: 'b', atMs: 1002 }), '\n#3 [build 2/2] RUN make\n');
  t.is(view.tick(3000), '');
  t.is(view.tick(3001), '#3 ...\n\n#2 layers and outputs\n#2 packing a 1B 0.0s done\n');
  t.is(view.apply(output('b', 'x\n', 3002)), '\n#3 [build 2/2] RUN make\n#3 2.000 x\n');
  t.is(view.apply(done('b', 3003)), '');
  t.is(view.end(), '#3 ...\n\n#2 layers and outputs\n#2 packing b 1B 0.0s done\n');
});

test('plain: warnings come at the end, with their lines', (t) => {
  t.is(
    plain([
      STARTED,
      {
        type: 'warning',
        rule: 'StageNameCasing',
        message: "Stage name 'A' should be lowercase",
        source: { file: 'Dockerfile', startLine: 1, endLine: 1 },
      },
      { type: 'step-cached', id: 'a', atMs: 1000 },
      { type: 'warning', message: 'odd', source: { file: 'Dockerfile', startLine: 2, endLine: 4 } },
    ]),
    `#1 [build 1/2] FROM busybox
#1 CACHED

2 warnings found:
 - StageNameCasing: Stage name 'A' should be lowercase (line 1)
 - odd (lines 2-4)
`,
  );
});

test('plain: escape sequences of steps, titles and messages do nothing', (t) => {
  const text = plain([
    { type: 'build-started', atMs: 0, steps: [{ id: 'a', title: 'RUN \x1b[2Jclear \x9b31m' }] },
    { type: 'step-started', id: 'a', atMs: 0 },
    output('a', 'red \x1b[31mtext\x1b[0m\n', 0),
    output('a', 'title \x1b]0;pwned\x07!\n', 0),
    output('a', 'link \x1b]8;;http://evil\x1b\\here\x1b]8;;\x1b\\\n', 0),
    output('a', 'query \x1b[6n\x1bP$qm\x1b\\\x1bc\x05\n', 0),
    output('a', 'c1 \u009b2J \u009d0;x\u009c back\x08space\x7f\n', 0),
    output('a', 'trojan \u202e source\n', 0),
    output('a', 'progress 1%\rprogress 2%\r\ntab\tstays, ünï stays 日本\n', 0),
    output('a', 'unfinished \x1b]0;no end\n', 0),
    output('a', 'next\n', 0),
    { type: 'step-failed', id: 'a', atMs: 0, message: 'bad \x1b[5m' },
  ]);
  t.is(
    text,
    `#1 RUN clear 
#1 0.000 red text
#1 0.000 title !
#1 0.000 link here
#1 0.000 query ^E
#1 0.000 c1   back^Hspace^?
#1 0.000 trojan <U+202E> source
#1 0.000 progress 1%
#1 0.000 progress 2%
#1 0.000 tab\tstays, ünï stays 日本
#1 0.000 unfinished 
#1 0.000 next
#1 ERROR: bad 
`,
  );
});

test('plain: characters cut by chunks, \\r\\n cut by chunks, an endless line', (t) => {
  const view = new PlainView();
  view.apply({ type: 'step-started', id: 'a', atMs: 0 });
  const euro = bytes('€');
  const send = (data: Uint8Array) =>
    view.apply({ type: 'step-output', id: 'a', stream: 'stdout', data, atMs: 0 });
  t.is(send(euro.subarray(0, 1)), '');
  t.is(send(euro.subarray(1)), '');
  t.is(send(bytes('\r')), '#1 0.000 €\n');
  t.is(send(bytes('\nx\n')), '#1 0.000 x\n');
  const endless = send(bytes('y'.repeat(65_536 + 10)));
  t.is(endless, `#1 0.000 ${'y'.repeat(65_536)}\n`);
  t.is(view.end(), `#1 0.000 ${'y'.repeat(10)}\n`);
});

test('json: one event per line, text whole, controls escaped', (t) => {
  const view = new JsonView();
  t.is(view.apply({ type: 'step-cached', id: 'a', atMs: 5 }), '{"type":"step-cached","id":"a","atMs":5}\n');
  const euro = bytes('€');
  const chunk = (data: Uint8Array): BuildEvent => ({
    type: 'step-output',
    id: 'a',
    stream: 'stderr',
    data,
    atMs: 6,
  });
  t.is(view.apply(chunk(euro.subarray(0, 2))), '');
  t.is(
    view.apply(chunk(Buffer.concat([euro.subarray(2), bytes('\x1b[31m\x9b\x7f\n'), euro.subarray(0, 1)]))),
    '{"type":"step-output","id":"a","stream":"stderr","atMs":6,"text":"€\\u001b[31m\\u009b\\u007f\\n"}\n',
  );
  t.is(
    view.apply({ type: 'step-finished', id: 'a', atMs: 7 }),
    '{"type":"step-output","id":"a","stream":"stderr","atMs":7,"text":"\ufffd"}\n{"type":"step-finished","id":"a","atMs":7}\n',
  );
  t.is(toJsonLine({ a: '\u0085' }), '{"a":"\\u0085"}\n');
});
