import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Exporter } from '../../src/export/index.js';
import { control, exporterFor, makeFixture, rejection, run, snapshotOf, withSmallDisk } from './fixture.js';

const fixture = makeFixture();
test.after.always(() => fixture.remove());

const imageOutputs = ['type=oci', 'type=docker', 'type=oci,tar=false'];
const outputs = [...imageOutputs, 'type=local', 'type=tar'];

/** What every exporter promises; `make` gives one that writes to `x.tar` in a directory. */
function contract(
  title: string,
  body: (t: ExecutionContext, make: (path: string) => Exporter) => Promise<void>,
  which = outputs,
) {
  for (const output of which) {
    test(`${output}: ${title}`, (t) => body(t, (path) => exporterFor(`${output},dest=${path}/x.tar`)));
  }
}

contract('the same images give the same bytes', async (t, make) => {
  const [a, b] = [fixture.place(), fixture.place()];
  const image = fixture.image();
  for (const path of [a, b]) await run(make(path), fixture.source(['app:1', 'app:2'], [image]));
  t.deepEqual(snapshotOf(a), snapshotOf(b));
});

contract('nothing is in place before finalize, and nothing stays without it', async (t, make) => {
  const path = fixture.place();
  {
    await using _ = await make(path).prepare(fixture.source(['app:1'], [fixture.image()]), control());
    t.false(existsSync(join(path, 'x.tar')));
    t.is(readdirSync(path).length, 1);
  }
  t.deepEqual(readdirSync(path), []);
});

contract('a full disk leaves the previous output as it was', async (t, make) => {
  const big = fixture.layer({
    big: randomBytes(6_000_000).toString('base64'),
  });
  await withSmallDisk(fixture.fresh(), 4 << 20, async (path) => {
    await run(make(path), fixture.source(['app:1'], [fixture.image()]));
    const before = snapshotOf(path);
    const error = await rejection(
      run(make(path), fixture.source(['app:1'], [fixture.image({ layers: [big] })])),
    );
    t.is(error.code, 'system/no-space');
    t.regex(error.message, /^exporting to .*x\.tar: .*ENOSPC$/);
    t.deepEqual(snapshotOf(path), before);
  });
});

contract(
  'a damaged blob of the store is found, and leaves the previous output as it was',
  async (t, make) => {
    const path = fixture.place();
    const layer = fixture.layer({ a: `damaged ${path}` });
    const image = fixture.image({ layers: [layer] });
    await run(make(path), fixture.source(['app:1'], [fixture.image()]));
    const before = snapshotOf(path);
    const source = fixture.source(['app:1'], [image]);
    const blob = source.blobPath(layer.descriptor.digest);
    writeFileSync(blob, Buffer.alloc(layer.descriptor.size));
    const error = await rejection(run(make(path), source));
    t.is(error.code, 'integrity/blob');
    t.is(error.expected, layer.descriptor.digest);
    t.deepEqual(snapshotOf(path), before);
  },
  imageOutputs,
);

contract('aborting cancels and leaves nothing', async (t, make) => {
  const path = fixture.place();
  const controller = new AbortController();
  const watched = control(controller.signal);
  const events = (event: Parameters<typeof watched.events>[0]) => {
    watched.events(event);
    controller.abort();
  };
  const preparing = make(path).prepare(fixture.source(['app:1'], [fixture.image()]), { ...watched, events });
  t.is((await rejection(preparing)).code, 'cancelled/aborted');
  t.deepEqual(readdirSync(path), []);
  const last = watched.seen.at(-1);
  t.is(last?.type === 'transfer' ? last.state : undefined, 'failed');
});

contract('progress counts every byte under one id', async (t, make) => {
  const path = fixture.place();
  const watched = control();
  await using prepared = await make(path).prepare(fixture.source(['app:1'], [fixture.image()]), watched);
  await prepared.finalize();
  const transfers = watched.seen.flatMap((event) => (event.type === 'transfer' ? [event] : []));
  t.is(transfers.length, watched.seen.length);
  t.is(new Set(transfers.map(({ id }) => id)).size, 1);
  const last = transfers.at(-1);
  t.is(last?.state, 'done');
  t.true(last !== undefined && last.doneBytes > 0);
  t.is(last?.totalBytes ?? last?.doneBytes, last?.doneBytes);
});

contract('what a killed export left behind is removed by the next one', async (t, make) => {
  const path = fixture.place();
  const script = `
    import { control, exporterFor, makeFixture } from ${JSON.stringify(import.meta.resolve('./fixture.js'))};
    const fixture = makeFixture();
    const source = fixture.source(['app:1'], [fixture.image()]);
    const outputs = ['type=oci', 'type=oci,tar=false', 'type=local', 'type=tar'];
    const held = [];
    for (const output of outputs) held.push(await exporterFor(output + ${JSON.stringify(`,dest=${path}/x.tar`)}).prepare(source, control()));
    fixture.remove();
    if (held.length === outputs.length) process.kill(process.pid, 'SIGKILL');`;
  t.throws(() => execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' }));
  t.is(readdirSync(path).length, 4);
  await run(make(path), fixture.source(['app:1'], [fixture.image()]));
  t.deepEqual(readdirSync(path), ['x.tar']);
});
