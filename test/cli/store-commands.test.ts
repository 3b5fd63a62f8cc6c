import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { timeAgo } from '../../src/cli/relative-time.js';
import { openStore, type Store } from '../../src/store/index.js';
import { runCli } from './capture.js';
import { storeImage } from './stored.js';

interface Fixture {
  readonly store: Store;
  forge(...argv: string[]): ReturnType<typeof runCli>;
}

async function fixture(t: ExecutionContext): Promise<Fixture> {
  const root = await mkdtemp(join(tmpdir(), 'forge-cli-store-'));
  const store = await openStore(root);
  t.teardown(async () => {
    await store.close();
    await rm(root, { recursive: true });
  });
  return { store, forge: (...argv) => runCli(argv, { env: { FORGE_ROOT: root }, cwd: root }) };
}

test('images: table, newest first; filters, ids, digests, JSON, names', async (t) => {
  const { store, forge } = await fixture(t);
  const old = await storeImage(store, {
    names: ['app:1', 'registry.example.com:5000/team/app'],
    layers: [Buffer.alloc(1536)],
  });
  const fresh = await storeImage(store, { names: ['app'], created: '2021-01-01T00:00:00Z' });
  const id = (image: { id: string }) => image.id.slice(7, 19);
  const since = timeAgo('2020-01-02T03:04:05Z', Date.now());
  const fold = (text: string) => text.replace(/ {2,}/g, '|');
  t.is(
    fold((await forge('images')).stdout),
    `REPOSITORY|TAG|IMAGE ID|CREATED|SIZE
app|latest|${id(fresh)}|${timeAgo('2021-01-01T00:00:00Z', Date.now())}|0B
app|1|${id(old)}|${since}|1.54kB
registry.example.com:5000/team/app|latest|${id(old)}|${since}|1.54kB
`,
  );
  t.is(
    fold((await forge('images', '--digests', '--no-trunc', 'app:1')).stdout).split('\n')[1],
    `app|1|${old.digest}|${old.id}|${since}|1.54kB`,
  );
  t.is((await forge('images', '-q')).stdout, `${id(fresh)}\n${id(old)}\n`);
  t.is((await forge('images', '-q', 'app:2')).stdout, '');
  t.is((await forge('images', '--format', 'names', 'app')).stdout, 'app:latest\napp:1\n');
  t.deepEqual(JSON.parse((await forge('images', '--format=json', 'app:1')).stdout), {
    Repository: 'app',
    Tag: '1',
    Name: 'docker.io/library/app:1',
    ID: old.id,
    Digest: old.digest,
    CreatedAt: '2020-01-02T03:04:05Z',
    SizeBytes: 1536,
    Platform: { os: 'linux', architecture: 'amd64' },
  });
});

test('images: an empty store has a heading only', async (t) => {
  const { forge } = await fixture(t);
  t.deepEqual(await forge('images'), {
    code: 0,
    stdout: 'REPOSITORY   TAG   IMAGE ID   CREATED   SIZE\n',
    stderr: '',
  });
});

test('tag and rmi: names by name, by id, by the beginning of an id', async (t) => {
  const { store, forge } = await fixture(t);
  const { id, digest } = await storeImage(store, { names: ['app'] });
  t.is((await forge('tag', id.slice(7, 15), 'other:1', 'x.io/a/b')).code, 0);
  t.is((await forge('images', '--format=names')).stdout, 'app:latest\nother:1\nx.io/a/b:latest\n');
  t.deepEqual(await forge('rmi', id), {
    code: 1,
    stdout: '',
    stderr: `ERROR: ${id} has 3 names\nhint: --force removes all of them: app:latest, other:1, x.io/a/b:latest\n`,
  });
  t.is((await forge('rmi', 'other:1')).stdout, 'Untagged: other:1\n');
  t.is(
    (await forge('rmi', '-f', 'nope', digest)).stdout,
    'Untagged: app:latest\nUntagged: x.io/a/b:latest\n',
  );
  t.is((await forge('images', '-q')).stdout, '');
});

test('tag and rmi: what is not there, what is no name', async (t) => {
  const { store, forge } = await fixture(t);
  await storeImage(store, { names: ['busybox'] });
  t.is(
    (await forge('tag', 'busibox', 'b')).stderr,
    'ERROR: no such image: busibox\nhint: did you mean busybox?\n',
  );
  t.is(
    (await forge('rmi', 'busybox', 'zzz')).stderr,
    'ERROR: no such image: zzz\nhint: forge images lists those there are\n',
  );
  t.is((await forge('images', '--format=names')).stdout, 'busybox:latest\n');
  t.regex(
    (await forge('tag', 'busybox', 'Bad Name')).stderr,
    /^ERROR: invalid reference format: "Bad Name"\n/,
  );
});

test('inspect: configuration, layers and names; documents as they are stored', async (t) => {
  const { store, forge } = await fixture(t);
  const layer = Buffer.alloc(1024);
  const { id, digest } = await storeImage(store, { names: ['app:1', 'app:2'], layers: [layer] });
  const [facts] = JSON.parse((await forge('inspect', 'app:1')).stdout);
  t.like(facts, {
    Id: id,
    Digest: digest,
    RepoTags: ['app:1', 'app:2'],
    RepoDigests: [`app@${digest}`],
    Os: 'linux',
    Architecture: 'amd64',
    Size: 1024,
    Config: { Cmd: ['sh'], Env: ['A=1'] },
  });
  t.is(facts.Layers[0].DiffId, facts.RootFS.Layers[0]);
  t.is((await forge('inspect', '--raw=config', 'app:1')).stdout, (await store.blobs.read(id)).toString());
  t.is(
    (await forge('inspect', '--raw', 'manifest', digest)).stdout,
    (await store.blobs.read(digest)).toString(),
  );
  t.is((await forge('inspect', 'app:1', 'nope')).stdout, '');
});

test('history: newest first, sizes of layers, shortened unless told otherwise', async (t) => {
  const { store, forge } = await fixture(t);
  const { id } = await storeImage(store, {
    names: ['app'],
    layers: [Buffer.alloc(512), Buffer.alloc(2_000_000)],
  });
  const since = timeAgo('2020-01-02T03:04:05Z', Date.now());
  const fold = (text: string) => text.replace(/ {2,}/g, '|');
  t.is(
    fold((await forge('history', 'app')).stdout),
    `IMAGE|CREATED|CREATED BY|SIZE|COMMENT
${id.slice(7, 19)}|${since}|CMD ["sh"]|0B
<missing>|${since}|RUN /bin/sh -c step 1 of a command that is l…|2MB|buildkit.dockerfile.v0
<missing>|${since}|RUN /bin/sh -c step 0 of a command that is l…|512B|buildkit.dockerfile.v0
`,
  );
  const whole = (await forge('history', '--no-trunc', 'app')).stdout;
  t.true(whole.includes(`${id} `) && whole.includes('longer than a column # buildkit'));
  const lines = (await forge('history', '--format=json', 'app')).stdout.trim().split('\n');
  t.like(JSON.parse(lines[1] ?? ''), { ID: '<missing>', SizeBytes: 2_000_000 });
});

test('du and prune: what has lost its name goes, what has one stays', async (t) => {
  // what was made since the oldest process came stays: none may be in the store when it is pruned
  const root = await mkdtemp(join(tmpdir(), 'forge-cli-prune-'));
  t.teardown(() => rm(root, { recursive: true }));
  const forge = (...argv: string[]) => runCli(argv, { env: { FORGE_ROOT: root }, cwd: root });
  const maker = await openStore(root);
  await storeImage(maker, { names: ['app'], layers: [Buffer.alloc(100_000, 1)] });
  await storeImage(maker, { names: ['old'], layers: [Buffer.alloc(200_000, 2)] });
  await maker.close();
  const sizes = async () =>
    (await forge('du', '--format=json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ Type, TotalCount, SizeBytes }) => [Type, TotalCount, SizeBytes > 100_000 ? 'large' : 'small']);
  await forge('rmi', 'old');
  t.deepEqual((await sizes()).slice(0, 2), [
    ['images', 1, 'large'],
    ['otherBlobs', 3, 'large'],
  ]);
  t.regex((await forge('du')).stdout, /^TYPE +TOTAL +SIZE +RECLAIMABLE\nImages +1 +10\dkB +0B \(0%\)\n/);
  t.regex((await forge('prune')).stdout, /^Removed: 3 blobs\nTotal reclaimed space: 20\dkB\n$/);
  t.is((await forge('prune', '--all', '--older-than', '1h')).stdout, 'Total reclaimed space: 0B\n');
  t.deepEqual((await sizes()).slice(0, 2), [
    ['images', 1, 'large'],
    ['otherBlobs', 0, 'small'],
  ]);
  t.is((await forge('inspect', 'app')).code, 0);
  t.is(
    (await forge('prune', '--keep', '1g')).stderr,
    'ERROR: --keep says how much of the build cache goes: it needs --all\n',
  );
});

test('completion offers the names in the store', async (t) => {
  const { store, forge } = await fixture(t);
  await storeImage(store, { names: ['app:1', 'other'] });
  t.is((await forge('__complete', 'rmi', 'ap')).stdout, 'app:1\timage\n');
  t.is((await runCli(['__complete', 'rmi', ''], { env: { FORGE_ROOT: '/dev/null/none' } })).code, 0);
});

test('times in words', (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const ago = (seconds: number) => timeAgo(new Date(now - seconds * 1000).toISOString(), now);
  t.deepEqual(
    [0, 1, 59, 60, 3599, 3600, 7200, 47 * 3600, 48 * 3600, 14 * 86_400, 60 * 86_400, 800 * 86_400].map(ago),
    [
      'Less than a second ago',
      '1 second ago',
      '59 seconds ago',
      'About a minute ago',
      '59 minutes ago',
      'About an hour ago',
      '2 hours ago',
      '47 hours ago',
      '2 days ago',
      '2 weeks ago',
      '2 months ago',
      '2 years ago',
    ],
  );
  t.is(timeAgo(undefined, now), 'N/A');
  t.is(timeAgo('yesterday', now), 'N/A');
});
