import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test from 'ava';
import { type GitReference, parseGitReference } from '../../src/buildfile/index.js';
import {
  type ContextArchives,
  contextDirectory,
  downloadName,
  downloadUrl,
  fetchContext,
  fetchGit,
  findBuildfile,
  type GitFetchOptions,
  planCopy,
  receiveContext,
  redactUrl,
} from '../../src/context/index.js';
import { type Digest, ForgeError } from '../../src/core/index.js';
import { commitOf, makeRepository, serveDirectory } from '../conformance/fixture-servers.js';

const scratch = mkdtempSync(join(tmpdir(), 'files-remote-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

let counter = 0;
function directory(): string {
  const path = join(scratch, String(counter++));
  mkdirSync(path);
  return path;
}

const { signal } = new AbortController();

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const answer =
  (body: string, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_request, response) =>
    void response.writeHead(200, headers).end(body);

const redirect =
  (location: string): Handler =>
  (_request, response) =>
    void response.writeHead(302, { location }).end();

// --- downloads ---

test('a download has mode 0600, the time of Last-Modified or the epoch, and its digest', async (t) => {
  await using dated = await serve(answer('hello', { 'last-modified': 'Wed, 01 Jan 2020 00:00:00 GMT' }));
  await using undated = await serve(answer('hello'));
  const first = await downloadUrl(`${dated.url}/a/f.txt?x=1`, { directory: directory(), signal });
  const second = await downloadUrl(`${undated.url}/`, { directory: directory(), signal });
  t.is(first.name, 'f.txt');
  t.is(first.digest, 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' as Digest);
  t.is(lstatSync(first.path).mode & 0o7777, 0o600);
  t.is(lstatSync(first.path).mtimeMs, 1577836800000);
  t.deepEqual([second.name, lstatSync(second.path).mtimeMs], ['__unnamed__', 0]);
});

test('D2: a download cannot be anything but the last part of the URL’s path', async (t) => {
  for (const [url, name] of [
    ['http://h/a/..%2f..%2fetc%2fpasswd', 'passwd'],
    ['http://h/%2e%2e', '__unnamed__'],
    ['http://h/a/..', '__unnamed__'],
    ['http://h/x%00y', '__unnamed__'],
    ['http://h/d%C3%A4ta.bin', 'däta.bin'],
    ['http://h/dir/', 'dir'],
    ['http://h/100%', '100%'],
  ] as const) {
    t.is(downloadName(url), name, url);
  }
  await using server = await serve(
    answer('x', { 'content-disposition': 'attachment; filename="../../evil"' }),
  );
  const into = directory();
  await downloadUrl(`${server.url}/name`, { directory: into, signal });
  t.deepEqual(readdirSync(into), ['name']);
});

test('D2: redirects lead to http and https only, not to link-local addresses, and not around in circles', async (t) => {
  const refused = async (handler: Handler, message: RegExp) => {
    await using server = await serve(handler);
    const error = await t.throwsAsync(downloadUrl(`${server.url}/x`, { directory: directory(), signal }));
    t.regex(error?.message ?? '', message);
  };
  await refused(redirect('file:///etc/passwd'), /refusing a redirect to a file: address/);
  await refused(
    redirect('http://169.254.169.254/latest/meta-data'),
    /refusing a redirect to a link-local address/,
  );
  await refused(redirect('http://[fe80::1]/'), /refusing a redirect to a link-local address/);
  await refused(redirect('/x'), /more than 10 redirects/);
  await refused((_request, response) => void response.writeHead(404).end(), /invalid response status 404/);
});

test('D2: a redirect is followed, without the credentials when it leads to another origin', async (t) => {
  const seen: (string | undefined)[] = [];
  await using last = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.end('body');
  });
  await using first = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: request.url === '/a' ? '/b' : `${last.url}/c` }).end();
  });
  const url = first.url.replace('http://', 'http://user:pass@');
  const { path } = await downloadUrl(`${url}/a`, { directory: directory(), signal });
  t.is(readFileSync(path, 'utf8'), 'body');
  const basic = `Basic ${Buffer.from('user:pass').toString('base64')}`;
  t.deepEqual(seen, [basic, basic, undefined]);
});

test('D2: limits of size and silence; a checksum that is wrong leaves nothing behind', async (t) => {
  await using server = await serve((request, response) => {
    response.writeHead(200);
    response.write('x'.repeat(1000));
    if (request.url !== '/silent') response.end();
  });
  const into = directory();
  const get = (path: string, options: object) =>
    downloadUrl(server.url + path, { directory: into, signal, ...options });
  await t.throwsAsync(get('/a', { maxBytes: 999 }), { message: /more than 999 bytes/ });
  await t.throwsAsync(get('/silent', { idleTimeoutMs: 100 }), { message: /no answer for 100 ms/ });
  const checksum = `sha256:${'0'.repeat(64)}` as Digest;
  await t.throwsAsync(get('/a', { checksum }), {
    message: /^digest mismatch sha256:[0-9a-f]{64}: sha256:0{64}$/,
  });
  t.deepEqual(readdirSync(into), []);
});

test('a connection that breaks off, or none at all, is an error of the remote', async (t) => {
  await using server = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('short');
    setTimeout(() => response.destroy(), 20);
  });
  const broken = await t.throwsAsync(downloadUrl(`${server.url}/x`, { directory: directory(), signal }), {
    instanceOf: ForgeError,
  });
  t.is(broken?.code, 'remote/interrupted');
  const none = await t.throwsAsync(downloadUrl('http://127.0.0.1:1/x', { directory: directory(), signal }), {
    instanceOf: ForgeError,
  });
  t.is(none?.code, 'remote/unreachable');
});

test('redaction: no credentials, no tokens', (t) => {
  t.is(redactUrl('https://user:p%40ss@h/x.git#main'), 'https://h/x.git#main');
  t.is(
    redactUrl('https://h/x?a=1&X-Amz-Signature=abc&private_token=s#f'),
    'https://h/x?a=1&X-Amz-Signature=REDACTED&private_token=REDACTED#f',
  );
  t.is(redactUrl('git@github.com:a/b.git'), 'git@github.com:a/b.git');
});

// --- git ---

const repositories = directory();
let gitUrl = '';
let stopServer: () => PromiseLike<void> = () => Promise.resolve();

test.before(async () => {
  const server = await serveDirectory(repositories);
  stopServer = () => server[Symbol.asyncDispose]();
  gitUrl = `http://127.0.0.1:${server.port}`;
  const config = 'git init -q && git config user.email t && git config user.name t';
  await makeRepository(
    join(repositories, 'sub'),
    `${config}; echo 123 >file; git add file; git commit -qm s; git update-server-info`,
  );
  await makeRepository(
    join(repositories, 'main'),
    `${config}
echo one >foo; mkdir dir; echo inner >dir/f; ln -s / escape; ln -s dir inside
printf '#!/bin/sh\\ntouch ${scratch}/HOOK-RAN\\n' >hook; chmod 755 hook
printf '[filter "evil"]\\n' >.gitconfig; printf 'foo filter=evil\\n' >.gitattributes
git add -A; git commit -qm first; git tag v1; git tag -a -m annotated v1a
git -c protocol.file.allow=always submodule --quiet add ${repositories}/sub mod; sed -i "s#url = .*#url = ${gitUrl}/sub/.git#" .gitmodules; echo two >foo; git add -A; git commit -qm second; git branch feature
echo three >foo; git add -A; git commit -qm third
git update-server-info`,
  );
});
test.after.always(() => stopServer());

const reference = (rest = ''): GitReference => {
  const parsed = parseGitReference(`${gitUrl}/main/.git${rest}`);
  if (!parsed) throw new Error('not a git reference');
  return parsed;
};

const fetched = (rest = '', options: Partial<GitFetchOptions> = {}) =>
  fetchGit(reference(rest), { directory: directory(), signal, ...options });

const foo = (root: string) => readFileSync(join(root, 'foo'), 'utf8').trim();

test.serial('git: the default branch with submodules, without .git', async (t) => {
  const { root, commit } = await fetched();
  t.is(foo(root), 'three');
  t.is(commit, commitOf(join(repositories, 'main'), 'master'));
  t.is(readFileSync(join(root, 'mod/file'), 'utf8'), '123\n');
  t.false(existsSync(join(root, '.git')));
  t.is(lstatSync(join(root, 'foo')).mode & 0o777, 0o644);
});

test.serial('git: refs, commits, subdirectories, submodules and .git as asked', async (t) => {
  t.is(foo((await fetched('#v1')).root), 'one');
  t.is(foo((await fetched('#v1a')).root), 'one');
  t.is(foo((await fetched('?branch=feature&submodules=false')).root), 'two');
  t.deepEqual(readdirSync(join((await fetched('?submodules=false')).root, 'mod')), []);
  const first = commitOf(join(repositories, 'main'), 'v1');
  t.is(foo((await fetched(`#${first}`)).root), 'one');
  t.deepEqual(readdirSync((await fetched('#:dir')).root), ['f']);
  const kept = await fetched(`?tag=v1&keep-git-dir&commit=${first.slice(0, 8)}`);
  t.is(readFileSync(join(kept.root, '.git/HEAD'), 'utf8').trim(), first);
  t.is(readFileSync(join(kept.root, '.git/shallow'), 'utf8').trim(), first);
  t.not(kept.digest, (await fetched('#v1')).digest);
  const dated = await fetched('?mtime=commit&tag=v1');
  t.is(lstatSync(join(dated.root, 'dir/f')).mtimeMs, Date.parse('2024-01-01T00:00:00Z'));
});

test.serial('git: what does not exist or does not match', async (t) => {
  await t.throwsAsync(fetched('#nosuch'), { message: 'repository does not contain ref nosuch, output: ""' });
  await t.throwsAsync(fetched('?branch=v1'), { message: /does not contain ref refs\/heads\/v1,/ });
  await t.throwsAsync(fetched('#v1', { checksum: 'foobar' }), {
    message: 'invalid checksum foobar for Git URL, expected hex commit hash',
  });
  await t.throwsAsync(fetched('#v1', { checksum: '0123' }), {
    message: /^expected checksum to match 0123, got [0-9a-f]{40}$/,
  });
  await t.throwsAsync(fetched('#:nodir'), { message: 'the repository has no directory "nodir"' });
});

test.serial('D3: a subdirectory reached through a symlink stays in the repository', async (t) => {
  t.deepEqual(readdirSync((await fetched('#v1:inside')).root), ['f']);
  const { root } = await fetched('#v1:escape/dir');
  t.deepEqual(readdirSync(root), ['f']);
  await t.throwsAsync(fetched('#v1:escape/etc'), { message: /has no directory/ });
});

test.serial(
  'D3: remotes and refs are never options, and no transport but http, https, ssh and git',
  async (t) => {
    const base = { shortName: '', localAmbiguous: false, unencrypted: false };
    const evil = [
      '--upload-pack=touch x',
      'ext::sh -c touch% x',
      'file:///etc',
      '/etc',
      'ssh://-oProxyCommand=touch x/y',
      'git@-oProxyCommand=x:y',
      'http://h/a\nb.git',
    ];
    for (const remote of evil) {
      await t.throwsAsync(
        fetchGit({ ...base, remote }, { directory: directory(), signal }),
        { message: /invalid git remote/ },
        remote,
      );
    }
    for (const ref of ['--upload-pack=x', '-x', 'a..b', 'a b', 'x^{tree}', '']) {
      await t.throwsAsync(
        fetchGit({ ...base, remote: `${gitUrl}/main/.git`, ref }, { directory: directory(), signal }),
        { message: /invalid git ref/ },
        ref,
      );
    }
  },
);

test.serial(
  'D3: a submodule on file:// is refused; hooks and configuration of the repository do not run',
  async (t) => {
    const local = directory();
    await makeRepository(
      local,
      'git init -q && git config user.email t && git config user.name t; echo secret >s; git add s; git commit -qm x',
    );
    const name = 'local';
    await makeRepository(
      join(repositories, name),
      `git init -q && git config user.email t && git config user.name t
git -c protocol.file.allow=always submodule --quiet add file://${local} mod; git commit -qm x; git update-server-info`,
    );
    const parsed = parseGitReference(`${gitUrl}/${name}/.git`);
    await t.throwsAsync(fetchGit(parsed as GitReference, { directory: directory(), signal }), {
      message: /transport 'file' not allowed/,
    });
    await fetched('#v1');
    t.false(existsSync(join(scratch, 'HOOK-RAN')));
  },
);

test.serial('D3: credentials of a git URL are in no message and not in the kept .git', async (t) => {
  const secret = 'http://user:hunter2@';
  const parsed = parseGitReference(`${gitUrl.replace('http://', secret)}/main/.git?keep-git-dir`);
  const { root } = await fetchGit(parsed as GitReference, { directory: directory(), signal });
  t.is(spawnSync('grep', ['-rq', 'hunter2', root]).status, 1);
  t.true(readFileSync(join(root, '.git/config'), 'utf8').includes(`${gitUrl}/main/.git`));
  const missing = parseGitReference(`${gitUrl.replace('http://', secret)}/nosuch.git`);
  const error = await t.throwsAsync(fetchGit(missing as GitReference, { directory: directory(), signal }));
  t.regex(error?.message ?? '', /nosuch\.git/);
  t.false(/hunter2/.test(`${error?.message}${error?.stack}`));
});

test.serial('git: aborting ends it', async (t) => {
  const controller = new AbortController();
  controller.abort();
  await t.throwsAsync(fetched('', { signal: controller.signal }), { message: 'cancelled' });
});

// --- contexts ---

const archives: ContextArchives = {
  isArchive: async (file) => readFileSync(file).subarray(257, 262).toString() === 'ustar',
  extract: async (file, destination) => void execFileSync('tar', ['-xf', file, '-C', destination]),
};

function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const root = directory();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  return execFileSync('tar', ['-cf', '-', '-C', root, '.']);
}

test('a context on standard input: a tar, or a Buildfile alone; nothing else', async (t) => {
  const receive = (bytes: Buffer | string) =>
    receiveContext(Readable.from([Buffer.from(bytes)]), { directory: directory(), archives, signal });
  const tar = await receive(tarOf({ Dockerfile: 'FROM scratch', a: '1' }));
  t.is(tar.kind, 'directory');
  t.is(findBuildfile(tar.root).bytes.toString(), 'FROM scratch');
  const alone = await receive('FROM scratch\n');
  t.deepEqual([alone.kind, readdirSync(alone.root)], ['buildfile', []]);
  await t.throwsAsync(receive(Buffer.from([1, 0, 2])), { message: /neither a tar archive nor a Buildfile/ });
});

test('a context behind a URL: an archive, a Buildfile alone, a repository', async (t) => {
  const tar = tarOf({ mydockerfile: 'FROM scratch', foo: 'x' });
  await using server = await serve((request, response) =>
    response.end(request.url === '/tar' ? tar : 'FROM scratch\n'),
  );
  const options = () => ({ directory: directory(), archives, signal });
  const packed = await fetchContext(`${server.url}/tar`, options());
  t.deepEqual(readdirSync(packed.root).sort(), ['foo', 'mydockerfile']);
  const alone = await fetchContext(`${server.url}/df`, options());
  t.is(alone.kind === 'buildfile' && alone.bytes.toString(), 'FROM scratch\n');
  const repository = await fetchContext(`${gitUrl}/main/.git#v1`, options());
  t.is(foo(repository.root), 'one');
});

test('the Buildfile: Buildfile before Dockerfile before Containerfile; -f; errors that say what is there', (t) => {
  const root = directory();
  const outside = directory();
  const name = (file?: string) => findBuildfile(root, file).name;
  t.throws(() => name(), { message: `no Buildfile, Dockerfile or Containerfile in ${root}` });
  for (const file of ['Containerfile', 'Dockerfile', 'Buildfile']) {
    writeFileSync(join(root, file), 'FROM scratch');
    t.is(name(), file);
  }
  t.is(name(join(root, 'Dockerfile')), 'Dockerfile');
  writeFileSync(join(outside, 'other'), 'FROM x');
  writeFileSync(join(outside, 'other.dockerignore'), 'a\n');
  t.deepEqual(findBuildfile(root, join(outside, 'other')).ignoreFile?.text, 'a\n');
  t.throws(() => name(join(root, 'nosuch')), {
    message: 'failed to read dockerfile: open nosuch: no such file or directory',
  });
  mkdirSync(join(root, 'd'));
  t.throws(() => name(join(root, 'd')), { message: 'd is a directory' });
});

test('D1: a Buildfile or .dockerignore that is a symlink out of the context is not read', (t) => {
  const root = directory();
  const outside = directory();
  writeFileSync(join(outside, 'secret'), 'root:x:0\n[');
  symlinkSync(join(outside, 'secret'), join(root, 'Dockerfile'));
  t.throws(() => findBuildfile(root), { message: /^no Buildfile/ });
  t.throws(() => findBuildfile(root, join(root, 'Dockerfile')), { message: /^failed to read dockerfile/ });
  symlinkSync(join(outside, 'secret'), join(root, '.dockerignore'));
  t.is(contextDirectory(root).ignore, undefined);
  rmSync(join(root, 'Dockerfile'));
  writeFileSync(join(root, 'Dockerfile.web'), 'FROM inside');
  symlinkSync('/Dockerfile.web', join(root, 'Dockerfile'));
  t.is(findBuildfile(root).bytes.toString(), 'FROM inside');
  rmSync(join(root, 'Dockerfile'));
  execFileSync('mkfifo', [join(root, 'Dockerfile')]);
  t.throws(() => findBuildfile(root), { message: 'Dockerfile is not a regular file' });
});

test('D1: a context root that is a symlink is its target; COPY sources and their symlinks stay inside', (t) => {
  const [root, outside] = [directory(), directory()];
  symlinkSync(root, join(outside, 'link'));
  t.is(contextDirectory(join(outside, 'link')).root, root);
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd/inner'), '');
  symlinkSync('/etc/shadow', join(root, 'shadow'));
  symlinkSync('/proc/self/environ', join(root, 'environ'));
  symlinkSync('../../../../../../d', join(root, 'up'));
  symlinkSync('loop', join(root, 'loop'));
  const plan = (source: string) =>
    planCopy({ root }, { sources: [source], parents: false, exclude: [] })[0]?.sources.map(
      ({ path }) => path,
    );
  for (const source of ['shadow', 'environ', '../x', '/etc/passwd', 'shadow/x', 'loop']) {
    t.throws(() => plan(source), { message: /": not found$/ }, source);
  }
  t.deepEqual(plan('up/inner'), ['d/inner']);
  t.deepEqual(plan('../../d/./inner'), ['d/inner']);
  t.deepEqual(plan('up'), ['d']);
  t.deepEqual(plan('*/inner'), ['d/inner'], 'wildcards do not go through symlinks');
  t.throws(() => plan('s*'), { message: '"/shadow": not found' });
});

test('missing sources: all are named, with what is near', (t) => {
  const root = directory();
  mkdirSync(join(root, 'src'));
  for (const name of ['package.json', 'src/main.ts', 'ignored']) writeFileSync(join(root, name), '');
  writeFileSync(join(root, '.dockerignore'), 'ignored\n');
  const missing = (...sources: readonly string[]) => {
    try {
      planCopy(contextDirectory(root), { sources, parents: false, exclude: [] });
    } catch (error) {
      if (error instanceof ForgeError) return [error.message, error.hint];
    }
    return [];
  };
  t.deepEqual(missing('pakage.json'), ['"/pakage.json": not found', 'did you mean /package.json?']);
  t.deepEqual(missing('src/Main.ts'), ['"/src/Main.ts": not found', 'did you mean /src/main.ts?']);
  t.deepEqual(missing('ignored'), [
    '"/ignored": not found',
    'it exists, but the pattern "ignored" in .dockerignore excludes it',
  ]);
  t.deepEqual(missing('nodir/x'), ['"/nodir/x": not found', 'the directory /nodir does not exist either']);
  t.deepEqual(missing('src', 'a', 'b')[0], '"/a": not found, "/b": not found');
  t.deepEqual(planCopy({ root }, { sources: ['nothing*'], parents: false, exclude: [] }), []);
});
