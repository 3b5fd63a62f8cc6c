// Run by tty.test.ts on a real terminal: a small build, watched by the live view.
import type { BuildEvent, Digest } from '../../src/core/index.js';
import { createProgress, type TextOutput } from '../../src/progress/index.js';

const output: TextOutput = {
  write: (text) => void process.stdout.write(text),
  isTerminal: process.stdout.isTTY,
  get columns() {
    return process.stdout.columns;
  },
  get rows() {
    return process.stdout.rows;
  },
};
const progress = createProgress({ mode: 'auto', output, resultOutput: undefined, hasColour: true });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const send = (event: BuildEvent) => progress.sink(event);
const DIGEST = `sha256:${'b'.repeat(64)}` as Digest;

send({
  type: 'build-started',
  atMs: Date.now(),
  steps: ['[1/3] FROM x', '[2/3] RUN make everything there is', '[3/3] RUN true'].map((title, index) => ({
    id: String(index),
    title,
  })),
});
send({ type: 'step-cached', id: '0', atMs: Date.now() });
for (const id of ['1', '2']) {
  send({ type: 'step-started', id, atMs: Date.now() });
  for (let line = 0; line < 20; line += 1) {
    const data = Buffer.from(`line ${line} ${'wide 日本 '.repeat(line)}\x1b[2J\n`);
    send({ type: 'step-output', id, stream: 'stdout', data, atMs: Date.now() });
    await pause(10);
  }
  send({ type: 'step-finished', id, atMs: Date.now() });
}
send({
  type: 'result',
  manifestDigest: DIGEST,
  configDigest: DIGEST,
  names: [],
  outputs: [],
  atMs: Date.now(),
});
progress.close();
