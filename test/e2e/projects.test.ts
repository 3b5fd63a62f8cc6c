import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar, debianTar } from '../fixtures/bases.js';
import { output, PROJECT, run } from '../fixtures/forge-command.js';
import { ImageReaders } from './image-readers.js';
import { emptyWorkshop, FORGE, makeTestDirectory, removeTestDirectory } from './workshop.js';

const PROJECTS = join(PROJECT, 'test/e2e/projects');
const shop = emptyWorkshop(makeTestDirectory());

test.before(async () => {
  await shop.done(['import', busyboxTar(), 'busybox']);
  await shop.done(['import', debianTar(), 'debian']);
});

test.after.always(() => removeTestDirectory(shop.directory));

interface Built {
  readonly archive: string;
  readonly readers: ImageReaders;
}

/** Builds into an archive and into the store under the same name. */
async function build(name: string, argv: readonly string[], env?: Record<string, string>): Promise<Built> {
  const home = join(shop.directory, name);
  mkdirSync(home);
  const archive = join(home, `${name}.tar`);
  await shop.done(['build', '-t', name, '-o', archive, '-o', 'type=image', ...argv], env ? { env } : {});
  return { archive, readers: new ImageReaders(home, archive) };
}

/** What must hold of any image that forge wrote. */
async function requireSound(t: ExecutionContext, { readers }: Built): Promise<void> {
  t.deepEqual(await readers.schemaErrors(), []);
  t.deepEqual(await readers.treeByForge(), await readers.treeByUmoci());
}

test('a C program built with gcc and make of a Debian stage runs on scratch with its libraries', async (t) => {
  const built = await build('c-program', [join(PROJECTS, 'c-program')]);
  const said = (name: string) => `hello ${name}, the root of 2 is 1.414214, I am 1000:1000\n`;
  t.is(await shop.done(['run', 'c-program', 'forge']), said('forge'));
  t.is(await shop.done(['run', built.archive]), said('world'));
  t.is((await built.readers.runByRunc()).stdout, said('world'));
  t.is((await built.readers.runByPodman('podman')).stdout, said('podman'));
  const { Entrypoint, Cmd, User } = await built.readers.config();
  t.deepEqual(
    { Entrypoint, Cmd, User },
    { Entrypoint: ['/usr/bin/greet'], Cmd: ['world'], User: '1000:1000' },
  );
  await requireSound(t, built);
});

test('a static program is alone on scratch', async (t) => {
  const built = await build('static-program', [join(PROJECTS, 'static-program')]);
  const said = 'pid 1, 2 arguments, shell: No such file or directory\na\nb c\n';
  t.is(await shop.done(['run', 'static-program', 'a', 'b c']), said);
  t.is((await built.readers.runByRunc(['/server', 'a', 'b c'])).stdout, said);
  t.is((await built.readers.runByPodman('a', 'b c')).stdout, said);
  const listed = await output('tar', ['-tf', '-'], {
    stdin: await tarOf('static-program'),
  });
  t.deepEqual(listed.trim().split('\n'), ['server']);
  await requireSound(t, built);
});

/** The files of an image in the store, as a tar. */
async function tarOf(image: string): Promise<Buffer> {
  const child = spawn(FORGE, ['build', '-o', '-', '-'], {
    env: { ...process.env, FORGE_ROOT: shop.store },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.end(`FROM ${image}\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** This machine's npm settings, as the secrets that the Buildfile asks for. */
async function npmSecrets(): Promise<readonly string[]> {
  const registry = (await output('npm', ['config', 'get', 'registry'])).trim();
  const npmrc = join(shop.directory, 'npmrc');
  writeFileSync(npmrc, `registry=${registry}\ncafile=/run/secrets/certificates\n`);
  const certificates = process.env.NODE_EXTRA_CA_CERTS ?? '/etc/ssl/certs/ca-certificates.crt';
  return [`--secret=id=npmrc,src=${npmrc}`, `--secret=id=certificates,src=${certificates}`];
}

test('a Node web application answers requests and ends on SIGTERM', async (t) => {
  const flags = ['--allow', 'host', ...(await npmSecrets())];
  const built = await build('node-web', [...flags, join(PROJECTS, 'node-web')]);
  const server = spawn(FORGE, ['run', '--network', 'host', '-e', 'PORT=0', 'node-web'], {
    env: { ...process.env, FORGE_ROOT: shop.store },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const { value: first } = await lines.next();
  const port = /^listening on (\d+)$/.exec(String(first))?.[1];
  const response = await fetch(`http://127.0.0.1:${port}/greet/forge`);
  t.deepEqual(await response.json(), { hello: 'forge', node: process.version, uid: 1000 });
  server.kill('SIGTERM');
  const ended = once(server, 'exit');
  t.is((await lines.next()).value, 'closing');
  t.deepEqual(await ended, [0, null]);
  const express = ['/usr/bin/node', '-p', 'require("express/package.json").version'];
  t.is((await built.readers.runByPodman(...express)).stdout, '4.21.2\n');
  t.is((await built.readers.runByRunc(express)).stdout, '4.21.2\n');
  await requireSound(t, built);
});

test('a cache mount is kept between builds, and a secret is nowhere in the image', async (t) => {
  const secret = 'a-secret-that-must-not-show';
  const context = shop.context('cache-and-secret', {
    token: secret,
    Buildfile: `FROM busybox
RUN --mount=type=cache,target=/cache --mount=type=secret,id=token \\
    wc -c < /run/secrets/token >> /cache/log && cp /cache/log /log
`,
    '.dockerignore': 'token',
  });
  const argv = ['build', '--no-cache', '--secret', `id=token,src=${context}/token`, '-t', 'kept', context];
  await shop.done(argv);
  await shop.done(argv);
  t.is(await shop.done(['run', 'kept', 'cat', '/log']), '27\n27\n');
  const archive = join(shop.directory, 'kept.tar');
  await shop.done(['save', '-o', archive, 'kept']);
  for (const file of [archive, join(shop.store, 'records')]) {
    t.is((await run('grep', ['-r', secret, file])).code, 1, file);
  }
});

test('a Python package installed by pip runs on scratch with the interpreter and its libraries', async (t) => {
  const built = await build('python-package', [join(PROJECTS, 'python-package')]);
  const said = '{"hello": "forge", "version": "1.2.3", "digest": "71b41d6d"}\n';
  t.is(await shop.done(['run', 'python-package', 'forge']), said);
  t.is((await built.readers.runByPodman('forge')).stdout, said);
  const argv = ['/usr/bin/python3.11', '-m', 'greeting', 'forge'];
  t.is((await built.readers.runByRunc(argv)).stdout, said);
  await requireSound(t, built);
});

test('a Buildfile of forty steps makes forty layers', async (t) => {
  const numbers = Array.from({ length: 39 }, (_, index) => index + 1);
  const steps = numbers.map(
    (n) => `RUN echo ${n} >> /log && echo ${n} > /file-${n}${n > 1 ? ` && rm /file-${n - 1}` : ''}`,
  );
  const context = shop.context('forty-context', {
    Buildfile: `FROM busybox\nWORKDIR /w\n${steps.join('\n')}\nCMD ["sh", "-c", "ls -d /file-*; wc -l < /log"]\n`,
  });
  const built = await build('forty', [context]);
  t.is(await shop.done(['run', 'forty']), '/file-39\n39\n');
  t.is((await built.readers.runByRunc()).stdout, '/file-39\n39\n');
  t.is((await built.readers.runByPodman()).stdout, '/file-39\n39\n');
  const [shown] = JSON.parse(await shop.done(['inspect', 'forty']));
  t.is(shown.Layers?.length ?? shown.layers?.length, 41);
  await requireSound(t, built);
});

test('Buildfile.example, the tour of the language, builds and runs', async (t) => {
  const flags = [
    '-f',
    join(PROJECT, 'Buildfile.example'),
    '--secret',
    'id=token,env=TOUR_TOKEN',
    '--allow',
    'host',
  ];
  const built = await build('tour', [...flags, PROJECT], { TOUR_TOKEN: 's3cret' });
  const said = 'hello from x86_64\nline 1\nline 2\nline 3\ndone within limits\n'.replace(
    'x86_64',
    await machine(),
  );
  t.is(await shop.done(['run', 'tour']), said);
  t.is((await built.readers.runByRunc()).stdout, said);
  t.is((await built.readers.runByPodman('greeting')).stdout, `${said.split('\n')[0]}\n`);
  t.is(await shop.done(['run', 'tour', '/usr/share/doc/tour/note.txt']), 'This $TEXT stays as it is.\n');
  await requireSound(t, built);
});

async function machine(): Promise<string> {
  return (await output('uname', ['-m'])).trim();
}

test('examples/hello holds a program, its libraries and nothing else', async (t) => {
  const built = await build('hello', ['--allow', 'host', join(PROJECT, 'examples/hello')]);
  const said = await shop.done(['run', built.archive]);
  t.regex(said, /^Hello from an image that holds nothing but this:\n/);
  t.regex(said, /\/usr\/bin\/bash$/m);
  t.regex(said, /\/libc\.so\.6$/m);
  t.notRegex(said, /\/usr\/share/);
  t.is((await built.readers.runByRunc()).code, 0);
  await requireSound(t, built);
});
