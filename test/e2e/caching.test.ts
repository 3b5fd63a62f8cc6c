import { chmodSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { workshop } from './workshop.js';

const APPLICATION = {
  'package.json': '{"name":"app"}\n',
  'src/main.sh': 'echo main\n',
  '.dockerignore': '**/*.log\n',
  Buildfile: `FROM busybox
ARG VERSION=1
WORKDIR /app
COPY package.json .
RUN echo install >> log
COPY src src
RUN echo compile $VERSION >> log
LABEL stage=last
`,
};

const INSTALL = ['COPY package.json .', 'RUN echo install >> log'];
const COMPILE = ['COPY src src', 'RUN echo compile $VERSION >> log'];

async function application(t: Parameters<typeof workshop>[0]) {
  const shop = await workshop(t);
  const context = shop.context('app', APPLICATION);
  const first = await shop.build(['-t', 'app', context]);
  return {
    shop,
    context,
    first,
    again: (...flags: string[]) => shop.build(['-t', 'app', ...flags, context]),
  };
}

test('a build of nothing new executes nothing and gives the same image', async (t) => {
  const { first, again, shop } = await application(t);
  t.deepEqual(first.executed, ['WORKDIR /app', ...INSTALL, ...COMPILE]);
  const image = await shop.done(['inspect', 'app']);
  const second = await again();
  t.deepEqual(second.executed, []);
  t.deepEqual(second.cached, ['WORKDIR /app', ...INSTALL, ...COMPILE]);
  t.is(await shop.done(['inspect', 'app']), image);
});

test('an edited file builds again from the COPY that takes it, and the reason is shown', async (t) => {
  const { again, context } = await application(t);
  writeFileSync(join(context, 'src/main.sh'), 'echo changed\n');
  const { executed, cached, missed } = await again();
  t.deepEqual(executed, COMPILE);
  t.deepEqual(cached, ['WORKDIR /app', ...INSTALL]);
  t.deepEqual(missed, {
    'COPY src src': 'files changed',
    'RUN echo compile $VERSION >> log': 'an earlier step changed',
  });
});

test('what a COPY does not take does not matter: ignored files, times, the place of the context', async (t) => {
  const { again, context, shop } = await application(t);
  writeFileSync(join(context, 'src/debug.log'), 'x');
  writeFileSync(join(context, 'unused'), 'x');
  utimesSync(join(context, 'src/main.sh'), 1, 1);
  t.deepEqual((await again()).executed, []);
  const elsewhere = join(shop.directory, 'elsewhere');
  renameSync(context, elsewhere);
  t.deepEqual((await shop.build([elsewhere])).executed, []);
});

test('the mode of a file matters, and so does a new or a removed file', async (t) => {
  const { again, context } = await application(t);
  chmodSync(join(context, 'src/main.sh'), 0o755);
  t.deepEqual((await again()).executed, COMPILE);
  writeFileSync(join(context, 'src/new'), '');
  t.deepEqual((await again()).executed, COMPILE);
  mkdirSync(join(context, 'src/directory'));
  t.deepEqual((await again()).executed, COMPILE);
});

test('a build arg matters from the ARG on that takes it; labels and CMD execute nothing', async (t) => {
  const { again, context, shop } = await application(t);
  const changed = await again('--build-arg', 'VERSION=2');
  t.deepEqual(changed.executed, ['RUN echo install >> log', ...COMPILE]);
  t.deepEqual(changed.missed, {
    'RUN echo install >> log': 'variable VERSION: 1 → 2',
    'COPY src src': 'an earlier step changed',
    'RUN echo compile $VERSION >> log': 'variable VERSION: 1 → 2',
  });
  const labelled = await again('--label', 'a=b');
  t.deepEqual(labelled.executed, []);
  const [{ labels }] = JSON.parse(await shop.done(['inspect', 'app'])).map(
    (image: { Config?: { Labels: object }; config?: { config: { Labels: object } } }) => ({
      labels: image.Config?.Labels ?? image.config?.config.Labels,
    }),
  );
  t.deepEqual(labels, { a: 'b', stage: 'last' });
  writeFileSync(join(context, 'Buildfile'), `${APPLICATION.Buildfile}CMD ["true"]\n`);
  t.deepEqual((await again()).executed, []);
  writeFileSync(join(context, 'Buildfile'), APPLICATION.Buildfile.replace('COPY src', 'ENV NEW=1\nCOPY src'));
  t.deepEqual((await again()).executed, ['RUN echo compile $VERSION >> log']);
});

test('--no-cache executes everything, and the next build takes from it', async (t) => {
  const { again } = await application(t);
  t.deepEqual((await again('--no-cache')).executed, ['WORKDIR /app', ...INSTALL, ...COMPILE]);
  t.deepEqual((await again()).executed, []);
});

test('a secret is no part of the cache key', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('c', {
    Buildfile: 'FROM busybox\nRUN --mount=type=secret,id=s,env=S test -n "$S"\n',
  });
  const build = (value: string) =>
    shop.build(['--secret', 'id=s,env=VALUE', context], { env: { VALUE: value } });
  t.is((await build('one')).executed.length, 1);
  t.is((await build('two')).executed.length, 0);
});

const TWO_STAGES = `FROM busybox AS build
COPY source /source
RUN grep -v '^#' /source > /result
FROM busybox
COPY --from=build /result /result
RUN cp /result /final
`;

test('a stage that was built again with the same result builds nothing that copies from it', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('c', { source: '# one\ncode\n', Buildfile: TWO_STAGES });
  t.is((await shop.build([context])).executed.length, 4);
  writeFileSync(join(context, 'source'), '# another comment\ncode\n');
  const second = await shop.build([context]);
  t.deepEqual(second.executed, ['COPY source /source', "RUN grep -v '^#' /source > /result"]);
  t.deepEqual(second.cached, ['COPY --from=build /result /result', 'RUN cp /result /final']);
  t.deepEqual((await shop.build([context])).executed, []);
  writeFileSync(join(context, 'source'), '# another comment\nother code\n');
  t.is((await shop.build([context])).executed.length, 4);
});

/** Ends only when the other stage runs at the same time. */
const meet = (own: string, other: string) => `FROM busybox AS ${own}
RUN --mount=type=cache,target=/place,id=place touch /place/${own}; for i in $(seq 200); do \\
    test -e /place/${other} && exit 0; sleep 0.1; done; exit 1
`;

test('stages that do not need each other run at the same time', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('c', {
    Buildfile: `${meet('left', 'right')}${meet('right', 'left')}FROM busybox
COPY --from=left /etc/passwd /left
COPY --from=right /etc/passwd /right
`,
  });
  const { result } = await shop.build(['--jobs', '2', context]);
  t.is(result.code, 0, result.stderr);
});

test('only what the target needs is built', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('c', {
    Buildfile: `FROM no-such-image AS unneeded
RUN exit 1
FROM busybox AS base
RUN echo base > /base
FROM base AS broken
RUN exit 1
FROM base AS tests
RUN test -s /base
FROM base
RUN echo last > /last
`,
  });
  t.deepEqual((await shop.build([context])).executed, ['RUN echo base > /base', 'RUN echo last > /last']);
  t.deepEqual((await shop.build(['--target', 'tests', context])).executed, ['RUN test -s /base']);
  const broken = await shop.build(['--target', 'broken', context]);
  t.is(broken.result.code, 1);
  t.is(broken.error?.message, 'process "/bin/sh -c exit 1" did not complete successfully: exit code: 1');
});

test('two builds of the same at once execute each step once', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('c', {
    Buildfile: `FROM busybox
RUN --mount=type=cache,target=/count sleep 0.3; echo ran >> /count/one; cp /count/one /one
RUN --mount=type=cache,target=/count sleep 0.3; echo ran >> /count/two; cp /count/two /two
`,
  });
  const builds = await Promise.all(['a', 'b', 'c'].map((name) => shop.build(['-t', name, context])));
  t.deepEqual(
    builds.map(({ result }) => result.code),
    [0, 0, 0],
  );
  t.is(builds.flatMap(({ executed }) => executed).length, 2);
  const ids = await Promise.all(
    ['a', 'b', 'c'].map((name) => shop.done(['images', '-q', '--no-trunc', name])),
  );
  t.is(new Set(ids).size, 1);
  t.is(await shop.done(['run', 'a', 'cat', '/one', '/two']), 'ran\nran\n');
});

test('different builds at once on one store do not disturb each other', async (t) => {
  const shop = await workshop(t);
  const names = ['a', 'b', 'c', 'd'];
  const results = await Promise.all(
    names.map((name) => {
      const Buildfile = `FROM busybox\nRUN echo shared > /shared\nRUN echo ${name} > /own\n`;
      return shop.build(['-t', name, shop.context(name, { Buildfile })]);
    }),
  );
  t.deepEqual(
    results.map(({ result }) => result.code),
    [0, 0, 0, 0],
  );
  t.is(results.flatMap(({ executed }) => executed).filter((title) => title.includes('shared')).length, 1);
  for (const name of names) t.is(await shop.done(['run', name, 'cat', '/own']), `${name}\n`);
});

test('after prune --all everything is built again, and named images still run', async (t) => {
  const { again, shop } = await application(t);
  await shop.done(['prune', '--all']);
  t.is(await shop.done(['run', 'app', 'cat', 'log']), 'install\ncompile 1\n');
  t.deepEqual((await again()).executed, ['WORKDIR /app', ...INSTALL, ...COMPILE]);
});

test('a step that fails leaves the steps before it in the cache', async (t) => {
  const shop = await workshop(t);
  const lines = (last: string) => `FROM busybox\nRUN echo one > /one\nRUN ${last}\n`;
  const context = shop.context('c', { Buildfile: lines('exit 9') });
  t.is((await shop.build([context])).result.code, 1);
  writeFileSync(join(context, 'Buildfile'), lines('echo two > /two'));
  t.deepEqual((await shop.build([context])).executed, ['RUN echo two > /two']);
});
