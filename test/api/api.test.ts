import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { build, ForgeError, type ProgressEvent, run } from '../../src/api/index.js';

function workspace(t: { teardown(undo: () => void): void }): {
  readonly context: string;
  readonly root: string;
} {
  const home = mkdtempSync(join(tmpdir(), 'forge-api-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const context = join(home, 'context');
  mkdirSync(context);
  return { context, root: join(home, 'store') };
}

test('build makes an image with events on the way, run runs it', async (t) => {
  const { context, root } = workspace(t);
  writeFileSync(
    join(context, 'Buildfile'),
    'FROM scratch\nCOPY --from=host --with-libs /usr/bin/cat /usr/bin/\nCOPY text /\nCMD ["/usr/bin/cat", "/text"]\n',
  );
  writeFileSync(join(context, 'text'), 'from the image\n');
  const events: ProgressEvent[] = [];
  const onEvent = (event: ProgressEvent) => events.push(event);
  const result = await build({ context, root, tags: ['app:1'], allow: ['host'], onEvent });
  t.deepEqual(result.names, ['app:1']);
  t.regex(result.manifestDigest ?? '', /^sha256:[0-9a-f]{64}$/);
  t.is(events[0]?.type, 'build-started');
  t.is(events.at(-1)?.type, 'result');
  const { exitCode, stdout } = await run({ image: 'app:1', root, network: 'none' });
  t.deepEqual([exitCode, stdout.toString()], [0, 'from the image\n']);
  const fed = await run({ image: 'app:1', root, command: ['/usr/bin/cat'], stdin: Buffer.from('fed') });
  t.is(fed.stdout.toString(), 'fed');
});

test('a mistake in the Buildfile rejects with its place and hint', async (t) => {
  const { context, root } = workspace(t);
  writeFileSync(join(context, 'Buildfile'), 'FROM scratch\nCOPPY a /\n');
  const error = await t.throwsAsync(build({ context, root }), { instanceOf: ForgeError });
  t.is(error.message, 'unknown instruction: COPPY (did you mean COPY?)');
  t.is(error.category, 'user');
  t.like(error.source, { file: 'Buildfile', startLine: 2 });
});

test('aborting rejects with cancelled', async (t) => {
  const { context, root } = workspace(t);
  writeFileSync(
    join(context, 'Buildfile'),
    'FROM scratch\nCOPY --from=host --with-libs /usr/bin/sleep /usr/bin/\nRUN ["/usr/bin/sleep", "60"]\n',
  );
  const controller = new AbortController();
  const onEvent = ({ type, id }: ProgressEvent) => {
    if (type === 'step-started' && String(id).endsWith('3')) controller.abort();
  };
  const error = await t.throwsAsync(
    build({ context, root, allow: ['host'], signal: controller.signal, onEvent }),
    {
      instanceOf: ForgeError,
    },
  );
  t.is(error.code, 'cancelled/aborted');
});
