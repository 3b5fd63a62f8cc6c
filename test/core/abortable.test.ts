import { PassThrough } from 'node:stream';
import test from 'ava';
import { abortable } from '../../src/core/index.js';

test('all chunks come through, and the end', async (t) => {
  const seen: number[] = [];
  async function* chunks() {
    yield 1;
    yield 2;
  }
  for await (const chunk of abortable(chunks(), new AbortController().signal)) seen.push(chunk);
  t.deepEqual(seen, [1, 2]);
});

test('aborting ends the wait for a chunk that does not come', async (t) => {
  const stream = new PassThrough();
  stream.write('first');
  const controller = new AbortController();
  const read = async () => {
    for await (const chunk of abortable(stream, controller.signal)) {
      t.is(String(chunk), 'first');
      setImmediate(() => controller.abort());
    }
  };
  await t.throwsAsync(read(), { code: 'cancelled/aborted' });
});

test('an abort before the first chunk counts', async (t) => {
  const read = async () => {
    for await (const _ of abortable(new PassThrough(), AbortSignal.abort())) t.fail();
  };
  await t.throwsAsync(read(), { code: 'cancelled/aborted' });
});
