import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { output, PROJECT } from '../fixtures/forge-command.js';
import type { TreeEntry } from '../layer/tree.js';
import { ImageReaders } from './image-readers.js';
import { layerFiles } from './layer-files.js';
import { makeTestDirectory, removeTestDirectory, type Workshop, workshop } from './workshop.js';

const tools = makeTestDirectory();
const TOOL = join(tools, 'step-tool');

test.before(() => {
  execFileSync('gcc', ['-static', '-Wall', '-o', TOOL, join(PROJECT, 'test/e2e/step-tool.c')]);
});

test.after.always(() => removeTestDirectory(tools));

interface Changed {
  readonly shop: Workshop;
  readonly layers: readonly (readonly TreeEntry[])[];
  readonly archive: string;
}

/** Builds these lines and reads the layers, of which the base has `baseLayers`. */
async function changes(t: ExecutionContext, lines: readonly string[], from = 'busybox'): Promise<Changed> {
  const shop = await workshop(t);
  return { shop, ...(await buildLines(shop, lines, from)) };
}

async function buildLines(shop: Workshop, lines: readonly string[], from: string) {
  const context = shop.context('context', { Buildfile: `FROM ${from}\n${lines.join('\n')}\n` });
  const archive = join(shop.directory, 'image.tar');
  const tool = ['--build-context', `tools=${tools}`];
  await shop.done(['build', ...tool, '-t', 'image', '-o', 'type=image', '-o', archive, context]);
  return { archive, layers: await layerFiles(shop.directory, archive) };
}

/** What umoci makes of the layers is what the steps left, and what forge makes of them in a fresh store. */
async function requireSameTrees(t: ExecutionContext, { shop, archive }: Changed): Promise<void> {
  const readers = new ImageReaders(shop.directory, archive);
  t.deepEqual(await readers.treeByForge(), await readers.treeByUmoci());
}

const paths = (layer: readonly TreeEntry[] | undefined) => layer?.map(({ path }) => path);
const last = ({ layers }: { readonly layers: readonly (readonly TreeEntry[])[] }) => layers.at(-1);
const find = (changed: Changed, path: string) => last(changed)?.find((entry) => entry.path === path);

test('deletions are whiteouts, replacements are what replaced', async (t) => {
  const changed = await changes(t, [
    `RUN mkdir -p /dir/sub /gone/x /swap /again/a /kept && touch /dir/keep /dir/del /again/a/old /swap/in /plain /kept/file \\
      && ln -s /plain /sym`,
    `RUN rm /dir/del /sym && rm -r /gone /swap /again /plain && touch /swap && mkdir /plain \\
      && mkdir /again && touch /again/new`,
  ]);
  t.deepEqual(paths(last(changed)), [
    '.wh.gone',
    '.wh.sym',
    'again',
    'again/.wh.a',
    'again/new',
    'dir',
    'dir/.wh.del',
    'plain',
    'swap',
  ]);
  t.is(find(changed, 'plain')?.type, 'dir');
  t.is(find(changed, 'swap')?.type, 'file');
  await requireSameTrees(t, changed);
});

test('a directory that was removed and made again shows nothing of the old one', async (t) => {
  const changed = await changes(t, [
    'RUN mkdir -p /again/a/b && touch /again/a/b/old /again/one /again/two',
    'RUN rm -r /again && mkdir -p /again/a && touch /again/a/new /again/two',
    'RUN ls -R /again > /seen',
  ]);
  t.is(find(changed, 'seen')?.content, '/again:\na\ntwo\n\n/again/a:\nnew\n');
  t.deepEqual(paths(changed.layers.at(-2)), [
    'again',
    'again/.wh.one',
    'again/a',
    'again/a/.wh.b',
    'again/a/new',
    'again/two',
  ]);
  await requireSameTrees(t, changed);
});

test('hardlinks stay one file, also those to a file of a lower layer', async (t) => {
  const changed = await changes(t, [
    'RUN echo lower > /lower',
    'RUN echo new > /one && ln /one /two && mkdir /d && ln /one /d/three && ln /lower /upper',
  ]);
  const inode = (path: string) => find(changed, path)?.inode;
  t.is(inode('two'), inode('one'));
  t.is(inode('d/three'), inode('one'));
  t.is(inode('upper'), inode('lower'));
  t.not(inode('upper'), inode('one'));
  t.is(await changed.shop.done(['run', 'image', 'stat', '-c', '%h', '/one']), '3\n');
  await requireSameTrees(t, changed);
});

const CAP_NET_BIND_SERVICE = '0100000200040000000000000000000000000000';

test('extended attributes and file capabilities are kept', async (t) => {
  const changed = await changes(t, [
    `RUN --mount=type=bind,from=tools,target=/tools touch /file /program && mkdir /dir && chmod 755 /program \\
      && /tools/step-tool xattr /program security.capability ${CAP_NET_BIND_SERVICE} \\
      && /tools/step-tool xattr /file user.note 00ff80c3a9 && /tools/step-tool xattr /dir user.note 64`,
  ]);
  const xattr = (path: string, name: string) =>
    Buffer.from(find(changed, path)?.xattrs[name] ?? '', 'latin1').toString('hex');
  t.is(xattr('program', 'security.capability'), CAP_NET_BIND_SERVICE);
  t.is(xattr('file', 'user.note'), '00ff80c3a9');
  t.is(xattr('dir', 'user.note'), '64');
  await requireSameTrees(t, changed);
});

test('an attribute that alone changed is a change; a file that was only opened is none', async (t) => {
  const changed = await changes(t, [
    'RUN for n in mode owner opened touched; do echo $n > /$n; done; touch -d "2001-02-03 04:05:06" /*ed',
    'RUN chmod 600 /mode && chown 5:6 /owner && : >> /opened && touch /touched',
  ]);
  t.deepEqual(paths(last(changed)), ['mode', 'owner', 'touched']);
  t.is(find(changed, 'mode')?.mode, 0o600);
  t.deepEqual([find(changed, 'owner')?.uid, find(changed, 'owner')?.gid], [5, 6]);
  t.is(find(changed, 'owner')?.content, 'owner\n');
});

test('special modes, devices and fifos are kept, sockets are left out', async (t) => {
  const changed = await changes(t, [
    `RUN --mount=type=bind,from=tools,target=/tools mknod /null c 1 3 && mknod /loop b 7 300 && mkfifo /fifo \\
      && touch /setuid && chmod 4711 /setuid && mkdir -m 1777 /sticky && mkdir /setgid && chmod 2750 /setgid \\
      && /tools/step-tool socket /socket`,
  ]);
  const facts = last(changed)?.map(({ path, type, mode, device }) => [path, type, mode, device]);
  t.deepEqual(facts, [
    ['fifo', 'fifo', 0o644, undefined],
    ['loop', 'block', 0o644, [7, 300]],
    ['null', 'char', 0o644, [1, 3]],
    ['setgid', 'dir', 0o2750, undefined],
    ['setuid', 'file', 0o4711, undefined],
    ['sticky', 'dir', 0o1777, undefined],
  ]);
  await requireSameTrees(t, changed);
});

test('a sparse file keeps its content and its holes', async (t) => {
  const changed = await changes(t, [
    'RUN truncate -s 64M /sparse && echo end >> /sparse',
    'RUN stat -c %b /sparse > /blocks',
  ]);
  t.true(lstatSync(changed.archive).size < 4 << 20);
  const { content } = changed.layers.at(-2)?.[0] ?? {};
  t.is(content?.length, (64 << 20) + 4);
  t.regex(content ?? '', /^\0+end\n$/);
  t.true(Number(find(changed, 'blocks')?.content) < 1024);
});

test('odd names are kept as they are', async (t) => {
  const long = 'n'.repeat(255);
  const deep = Array.from({ length: 30 }, (_, index) => `directory-${index}`).join('/');
  const changed = await changes(t, [
    `RUN touch "/$(printf 'new\\nline')" "/$(printf '\\377\\376')" ./-dash '/ sp  ace ' '/back\\slash' '/"quo'"'te" /ünïcode \\
      /${long} && mkdir -p /${deep} && touch /${deep}/file`,
  ]);
  const parents = deep.split('/').map((_, index, names) => names.slice(0, index + 1).join('/'));
  const names = [' sp  ace ', '"quo\'te', '-dash', 'back\\slash', 'new\nline', 'ÿþ', 'ünïcode', long];
  t.deepEqual(paths(last(changed)), [...names, ...parents, `${deep}/file`].sort());
  await requireSameTrees(t, changed);
});

test('times are kept to the nanosecond, also of directories and links', async (t) => {
  const changed = await changes(t, [
    'RUN mkdir /dir /old && touch /old/file',
    `RUN --mount=type=bind,from=tools,target=/tools touch /dir/file && ln -s x /link \\
      && for f in /dir/file /link /dir; do /tools/step-tool time $f 981173106 123456789; done \\
      && touch /past && /tools/step-tool time /past -1000 500000000`,
    'RUN --mount=type=bind,from=tools,target=/tools /tools/step-tool time /dir/file 981173106 123456788',
    'RUN stat -c "%n %y" /dir/file /dir > /tmp/seen',
  ]);
  const tree = join(changed.shop.directory, 'layer-files/layer-2');
  const time = (path: string) => lstatSync(join(tree, path), { bigint: true }).mtimeNs;
  t.is(time('dir/file'), 981173106123456789n);
  t.is(time('link'), 981173106123456789n);
  t.is(time('dir'), 981173106123456789n);
  t.is(time('past'), -999500000000n);
  t.deepEqual(changed.layers.slice(2).map(paths), [
    ['dir', 'dir/file', 'link', 'past'],
    ['dir', 'dir/file'],
    ['tmp', 'tmp/seen'],
  ]);
  t.is(
    find(changed, 'tmp/seen')?.content,
    '/dir/file 2001-02-03 04:05:06.123456788 +0000\n/dir 2001-02-03 04:05:06.123456789 +0000\n',
  );
});

const MOUNTS = [
  '--mount=type=tmpfs,target=/new/tmpfs',
  '--mount=type=cache,target=/new/deep/cache',
  '--mount=type=bind,source=Buildfile,target=/etc/new.conf',
  '--mount=type=secret,id=none,target=/root/secret',
].join(' ');

test('nothing that forge itself puts into a box is in the layer', async (t) => {
  const changed = await changes(t, [
    'RUN touch -d "2001-02-03 04:05:06" /etc /root /bin /',
    `RUN ${MOUNTS} cat /etc/hosts /etc/resolv.conf /etc/new.conf > /dev/null && echo x > /new/tmpfs/x`,
    `RUN ${MOUNTS} echo "127.0.0.2 mine" >> /etc/hosts; echo x > /dev/x; echo x > /new/deep/cache/x`,
    'RUN ls -a / /etc /root > /tmp/seen',
  ]);
  t.deepEqual(changed.layers.slice(2, 4).map(paths), [[], []]);
  t.deepEqual(paths(last(changed)), ['tmp', 'tmp/seen']);
  await requireSameTrees(t, changed);
});

test('on scratch the layer of a step holds what the step did and nothing else', async (t) => {
  const shop = await workshop(t);
  execFileSync('cp', ['/bin/busybox', join(shop.directory, 'busybox')]);
  const context = shop.context('.', {
    Buildfile: `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "true"]
RUN ["/bin/busybox", "touch", "/made", "/etc/made"]
`,
  });
  const archive = join(shop.directory, 'image.tar');
  await shop.done(['build', '-o', archive, context]);
  const layers = await layerFiles(shop.directory, archive);
  t.deepEqual(layers.map(paths), [['bin', 'bin/busybox'], [], ['etc', 'etc/made', 'made']]);
});

test('mount points that the image whites out come and go without a trace', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('context', {
    Buildfile: 'FROM busybox\nRUN mkdir -p /proc /sys /dev/pts /var/run && touch /etc/x /dev/x /proc-not\n',
  });
  const layout = join(shop.directory, 'layout');
  await shop.done(['build', '-o', `type=oci,dest=${layout},tar=false,name=base`, context]);
  const image = `${layout}:${await soleTag(layout)}`;
  for (const path of ['/etc', '/dev', '/sys', '/var/run']) {
    await output('umoci', ['insert', '--image', image, '--whiteout', path]);
  }
  await shop.done(['load', '-i', layout, '-t', 'whited']);
  const built = await buildLines(
    shop,
    [
      `RUN ${MOUNTS} true`,
      'RUN --mount=type=tmpfs,target=/var/run/deep ls -a /etc /sys > /dev/null && touch /var/run/x',
      'RUN mkdir -p /etc/own && ls /etc /var/run > /seen && rm /var/run/x',
    ],
    'whited',
  );
  t.deepEqual(built.layers.slice(-3).map(paths), [
    [],
    ['var', 'var/run', 'var/run/x'],
    ['etc', 'etc/own', 'seen', 'var', 'var/run', 'var/run/.wh.x'],
  ]);
  t.is(
    last(built)?.find(({ path }) => path === 'seen')?.content,
    '/etc:\nhosts\nown\nresolv.conf\n\n/var/run:\nx\n',
  );
});

test('a mount where an earlier step removed something leaves the directories around it alone', async (t) => {
  const changed = await changes(t, [
    'RUN mkdir -p /home/a/cache && chmod 750 /home/a && chown 7:8 /home/a && touch -d "2001-02-03 04:05:06" /home/a',
    'RUN rm -r /home/a/cache && touch -d "2001-02-03 04:05:06" /home/a',
    'RUN --mount=type=cache,target=/home/a/cache touch /home/a/cache/x',
    'RUN --mount=type=cache,target=/home/a/cache touch /home/a/y',
  ]);
  t.deepEqual(changed.layers.slice(-2).map(paths), [[], ['home', 'home/a', 'home/a/y']]);
  const { mode, uid, gid } = find(changed, 'home/a') ?? {};
  t.deepEqual({ mode, uid, gid }, { mode: 0o750, uid: 7, gid: 8 });
});

test('a step that moves the parents of a mount away does not make forge remove things elsewhere', async (t) => {
  const victim = makeTestDirectory();
  t.teardown(() => removeTestDirectory(victim));
  mkdirSync(join(victim, 'c'));
  const changed = await changes(t, [
    'RUN mkdir -p /a/b',
    'RUN rm -r /a',
    `RUN --mount=type=tmpfs,target=/a/b/c mv /a/b /a/moved && ln -s ${victim} /a/b`,
  ]);
  t.true(existsSync(join(victim, 'c')));
  t.deepEqual(paths(last(changed)), ['a', 'a/b', 'a/moved', 'a/moved/c']);
});

test('an image whose /etc/hosts is whited out runs', async (t) => {
  const shop = await workshop(t);
  const context = shop.context('context', {
    hosts: 'own\n',
    Buildfile: 'FROM busybox\nCOPY hosts /etc/hosts\nCOPY hosts /etc/resolv.conf\nRUN chmod 700 /etc\n',
  });
  const layout = join(shop.directory, 'layout');
  await shop.done(['build', '-o', `type=oci,dest=${layout},tar=false,name=base`, context]);
  for (const path of ['/etc/hosts', '/etc/resolv.conf']) {
    await output('umoci', ['insert', '--image', `${layout}:${await soleTag(layout)}`, '--whiteout', path]);
  }
  await shop.done(['load', '-i', layout, '-t', 'whited']);
  const seen = await shop.done([
    'run',
    '--hostname',
    'box',
    'whited',
    'sh',
    '-c',
    'stat -c %a /etc; tail -n 1 /etc/hosts',
  ]);
  t.is(seen, '700\n127.0.0.1\tbox\n');
  const built = await buildLines(shop, ['RUN stat -c %a /etc > /seen'], 'whited');
  t.deepEqual(paths(last(built)), ['seen']);
});

async function soleTag(layout: string): Promise<string> {
  return (await output('umoci', ['ls', '--layout', layout])).trim();
}

test('the merged tree that a later step sees is the tree that the layers give', async (t) => {
  const changed = await changes(t, [
    'RUN mkdir -p /a/b/c && echo 1 > /a/b/c/one && ln -s b/c /a/link && chmod 711 /a',
    'RUN rm -r /a/b/c && mkdir /a/b/c && echo 2 > /a/link/two && chown 7:8 /a/b',
    'RUN mv /a/b/c/two /a/b/moved && rmdir /a/b/c && ln -sfn b /a/link',
    'RUN find /a | sort | xargs stat -c "%N %a %u:%g" > /tmp/seen',
  ]);
  t.is(
    find(changed, 'tmp/seen')?.content,
    ['/a 711 0:0', '/a/b 755 7:8', '/a/b/moved 644 0:0', "'/a/link' -> 'b' 777 0:0", ''].join('\n'),
  );
  await requireSameTrees(t, changed);
});
