import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, linkSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { busyboxTar } from '../fixtures/bases.js';
import { output } from '../fixtures/forge-command.js';
import { readTree, type TreeEntry } from '../layer/tree.js';
import { emptyWorkshop, type Files, makeTestDirectory, removeTestDirectory, writeFiles } from './workshop.js';

// The same Dockerfiles by forge and by buildah: equal but for what each case lists. Every
// difference is explained in docs/differences-from-buildah.md.

const home = makeTestDirectory();
const shop = emptyWorkshop(home);
const STORAGE = ['--root', join(home, 'buildah'), '--runroot', join(home, 'run'), '--storage-driver', 'vfs'];
const HOW = ['--runtime', 'runc', '--network', 'host', '--quiet', '--pull=never'];

/** When nothing of these tests had been made yet: older times have to be equal. */
const EPOCH = Math.floor(Date.now() / 1000) - 3600;

test.before(async () => {
  const context = join(home, 'base');
  writeFiles(context, { Dockerfile: 'FROM scratch\nADD busybox-rootfs.tar /\n' });
  copyFileSync(busyboxTar(), join(context, 'busybox-rootfs.tar'));
  await output('buildah', [...STORAGE, 'bud', ...HOW, '-t', 'localhost/busybox', context]);
  const base = join(home, 'base.tar');
  await output('buildah', [...STORAGE, 'push', '-q', 'localhost/busybox', `oci-archive:${base}`]);
  await shop.done(['load', '-i', base, '-t', 'busybox']);
});

test.after.always(() => removeTestDirectory(home));

interface Image {
  readonly tree: ReadonlyMap<string, TreeEntry>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** An OCI archive's files, as umoci applies them, and its configuration. */
async function readImage(archive: string): Promise<Image> {
  const [layout, bundle] = [`${archive}.layout`, `${archive}.bundle`];
  await output('skopeo', [
    '--insecure-policy',
    'copy',
    '-q',
    `oci-archive:${archive}`,
    `oci:${layout}:image`,
  ]);
  await output('umoci', ['unpack', '--image', `${layout}:image`, bundle]);
  const { config } = JSON.parse(
    await output('skopeo', ['inspect', '--config', '--raw', `oci:${layout}:image`]),
  );
  return {
    tree: new Map(readTree(join(bundle, 'rootfs')).map((entry) => [entry.path, entry])),
    config: config ?? {},
  };
}

/** What one line says of a file; contents are named by length when they are long. */
function facts({ type, mode, uid, gid, mtimeSeconds, target, content, device, xattrs }: TreeEntry): string {
  const body = content === undefined || content.length < 80 ? content : createDigest(content);
  const time = mtimeSeconds < EPOCH && type !== 'dir' ? mtimeSeconds : undefined;
  return JSON.stringify({
    type,
    mode: mode.toString(8),
    owner: `${uid}:${gid}`,
    time,
    target,
    body,
    device,
    xattrs,
  });
}

function createDigest(content: string): string {
  return execFileSync('sha256sum', { input: Buffer.from(content, 'latin1'), encoding: 'utf8' }).slice(0, 16);
}

function treeDifferences(forge: Image, buildah: Image): readonly string[] {
  const paths = [...new Set([...forge.tree.keys(), ...buildah.tree.keys()])].sort();
  return paths.flatMap((path) => {
    const [ours, theirs] = [forge.tree.get(path), buildah.tree.get(path)];
    if (!ours) return [`only buildah: ${path}`];
    if (!theirs) return [`only forge: ${path}`];
    return facts(ours) === facts(theirs) ? [] : [`${path}: forge ${facts(ours)} buildah ${facts(theirs)}`];
  });
}

function configDifferences(forge: Image, buildah: Image): readonly string[] {
  const names = [...new Set([...Object.keys(forge.config), ...Object.keys(buildah.config)])].sort();
  return names.flatMap((name) => {
    const [ours, theirs] = [configText(forge.config[name]), configText(buildah.config[name])];
    return ours === theirs ? [] : [`${name}: forge ${ours} buildah ${theirs}`];
  });
}

/** What buildah mounts for a RUN, and then leaves in the image. */
const MOUNT_POINTS = [
  'only buildah: dev',
  'only buildah: etc/hostname',
  'only buildah: etc/hosts',
  'only buildah: etc/resolv.conf',
  'only buildah: proc',
  'only buildah: run',
  'only buildah: sys',
];

function configText(value: unknown): string | undefined {
  return JSON.stringify(value)?.replace(/("io.buildah.version":)"[^"]*"/, '$1"…"');
}

interface Case {
  readonly files?: Files;
  /** Makes in the context what `files` cannot say. */
  readonly arrange?: (context: string) => void;
  readonly dockerfile: string;
  readonly flags?: readonly string[];
  /** Everything that differs, and nothing else. */
  readonly differences: readonly string[];
}

const SETUID = (mode: string) =>
  `{"type":"file","mode":"${mode}","owner":"0:0","time":1000000000,"body":"a","xattrs":{}}`;
const PARENT = (mode: string) => `{"type":"dir","mode":"${mode}","owner":"1001:3003","xattrs":{}}`;

const PRINTED = (text: string) => `{"type":"file","mode":"644","owner":"0:0","body":"${text}","xattrs":{}}`;
const STATUS = (capabilities: string) =>
  PRINTED(`CapEff:\\t${capabilities}\\nNoNewPrivs:\\t0\\nSeccomp:\\t2\\n`);

const CASES: Readonly<Record<string, Case>> = {
  'copying files and directories': {
    files: {
      'a.txt': 'a',
      'b.txt': 'b',
      'c.md': 'c',
      'dir/one': '1',
      'dir/sub/two': '2',
      'ignored/x': 'x',
      '.dockerignore': 'ignored\n**/*.tmp\n',
      'dir/skip.tmp': 't',
    },
    arrange(context) {
      chmodSync(join(context, 'a.txt'), 0o4755);
      chmodSync(join(context, 'b.txt'), 0o600);
      chmodSync(join(context, 'dir/sub'), 0o700);
      symlinkSync('one', join(context, 'dir/link'));
      symlinkSync('/nowhere', join(context, 'dir/broken'));
      linkSync(join(context, 'dir/one'), join(context, 'dir/hard'));
      for (const name of ['a.txt', 'dir/one', 'dir/sub/two']) utimesSync(join(context, name), 1e9, 1e9);
    },
    dockerfile: `FROM busybox
COPY a.txt /
COPY a.txt b.txt /both/
COPY *.txt /wild/
COPY dir /dir
COPY dir/ /merged/
COPY dir /merged
COPY . /all
COPY dir/link /followed
WORKDIR /relative
COPY c.md .
COPY ["b.txt", "with space"]
`,
    differences: [
      ...['a.txt', 'all/a.txt', 'both/a.txt', 'wild/a.txt'].map(
        (path) => `${path}: forge ${SETUID('4755')} buildah ${SETUID('755')}`,
      ),
    ],
  },
  'owners and modes': {
    files: { file: 'x', 'dir/in': 'y' },
    dockerfile: `FROM busybox
RUN echo ann:x:1001:2002::/home/ann:/bin/sh >> /etc/passwd && echo web:x:3003: >> /etc/group
COPY --chown=ann:web file /ann-web
COPY --chown=ann file /ann
COPY --chown=5:6 dir /numbers
COPY --chown=7 file /seven
COPY --chmod=640 file /moded
COPY --chown=ann:web --chmod=4711 file /new/parents/file
ADD --chown=8:9 file /added
`,
    differences: [
      ...MOUNT_POINTS,
      ...['new', 'new/parents'].map((path) => `${path}: forge ${PARENT('4711')} buildah ${PARENT('755')}`),
    ],
  },
  'what RUN leaves': {
    dockerfile: `FROM busybox
RUN chmod 1777 /tmp; umask > /umask; echo $HOME $PATH > /env; pwd > /pwd; id > /id
RUN ["/bin/sh", "-c", "echo exec > /exec"]
WORKDIR /work/deep
RUN pwd > pwd && touch /tmp/x && rm /exec
USER 1000:1000
RUN id > /tmp/id; env | grep -v -e HOSTNAME | sort > /tmp/env
WORKDIR /work/owned
RUN touch . 2>/dev/null && echo yes > /tmp/mine || echo no > /tmp/mine
USER root
RUN mkdir -m 1777 /sticky && mkfifo /fifo && ln -s a /sym && echo a > /h && ln /h /h2 && chmod 2755 /h
RUN cat /proc/self/status | grep -e CapEff -e Seccomp: -e NoNewPrivs > /status; cat /proc/1/comm > /init
`,
    differences: [
      ...MOUNT_POINTS,
      `init: forge ${PRINTED('memfd:forge\\n')} buildah ${PRINTED('cat\\n')}`,
      `status: forge ${STATUS('00000000a80425fb')} buildah ${STATUS('00000000800405fb')}`,
    ],
  },
  'every word of the configuration': {
    dockerfile: `FROM busybox
MAINTAINER somebody
ENV A=1 B="two words" C='single $A'
ENV D=$A-\${B}-\${NONE:-default}
LABEL one=1 "two words"="x y" a.b.c="$A"
EXPOSE 80 443/tcp 53/udp 8000-8002
VOLUME /data ["/json"]
VOLUME ["/one", "/two"]
STOPSIGNAL SIGUSR1
USER 1000:50
WORKDIR /a
WORKDIR b
SHELL ["/bin/sh", "-ec"]
HEALTHCHECK --interval=5s --retries=3 CMD test -e /x
ONBUILD RUN echo later
ENTRYPOINT ["/bin/echo", "$A"]
CMD echo shell form $A
`,
    differences: [
      'ArgsEscaped: forge true buildah undefined',
      'Cmd: forge ["/bin/sh","-ec","echo shell form $A"] buildah ["/bin/sh","-c","echo shell form $A"]',
      'ExposedPorts: forge {"443/tcp":{},"53/udp":{},"80/tcp":{},"8000/tcp":{},"8001/tcp":{},"8002/tcp":{}} buildah {"443/tcp":{},"53/udp":{},"80/tcp":{},"8000-8002/tcp":{}}',
      'Healthcheck: forge {"Test":["CMD-SHELL","test -e /x"],"Interval":5000000000,"Retries":3} buildah undefined',
      'OnBuild: forge ["RUN echo later"] buildah undefined',
      'Shell: forge ["/bin/sh","-ec"] buildah undefined',
      'only forge: a',
      'only forge: a/b',
    ],
  },
  'arguments and expansion': {
    dockerfile: `ARG BASE=busybox
ARG GLOBAL=global
FROM \${BASE} AS first
ARG GLOBAL
ARG DEFAULTED=default
ARG GIVEN
ENV FROM_ARG=\${GIVEN:+set} KEEP=$DEFAULTED
RUN echo "$GLOBAL $DEFAULTED $GIVEN $FROM_ARG" > /values
FROM first
RUN echo "$GLOBAL:$GIVEN:$KEEP" > /next
COPY --from=first /values /copied-\${KEEP}
WORKDIR /\${KEEP}/$KEEP
`,
    flags: ['--build-arg', 'GIVEN=given'],
    differences: [
      ...MOUNT_POINTS,
      'next: forge {"type":"file","mode":"644","owner":"0:0","body":"global:given:default\\n","xattrs":{}} buildah {"type":"file","mode":"644","owner":"0:0","body":"::default\\n","xattrs":{}}',
      'only forge: default',
      'only forge: default/default',
    ],
  },
  'stages and deletions': {
    files: { file: 'x' },
    dockerfile: `FROM busybox AS base
RUN mkdir -p /tree/a /tree/b && echo 1 > /tree/a/one && echo 2 > /tree/b/two && chmod 700 /tree/b && ln -s a /tree/link
RUN rm -r /tree/a && mkdir /tree/a && echo new > /tree/a/new && rm /bin/vi
ENTRYPOINT ["/bin/echo"]
CMD ["inherited"]
FROM busybox AS other
RUN exit 1
FROM base
COPY --from=base /tree /copied
COPY --from=0 /tree/a/new /tree/b/two /files/
RUN rm -r /tree/b && echo file > /tree/b
ENTRYPOINT ["/bin/cat"]
`,
    differences: [...MOUNT_POINTS],
  },
  archives: {
    arrange(context) {
      execFileSync(
        'sh',
        [
          '-c',
          `mkdir t && echo 1 > t/one && ln -s one t/link && mkdir t/d && chmod 750 t/d && chmod 4755 t/one &&
           tar --owner=5 --group=6 --mtime=@1000000000 -cf plain.tar t && tar --owner=5 --group=6 --mtime=@1000000000 -czf zipped.tgz t &&
           gzip -n -c t/one > one.gz && rm -r t`,
        ],
        { cwd: context },
      );
    },
    dockerfile: `FROM busybox
ADD plain.tar /plain/
ADD zipped.tgz /zipped
ADD one.gz /one/
COPY plain.tar /copied/
`,
    differences: [],
  },
  'a volume in the middle': {
    dockerfile: `FROM busybox
RUN mkdir /data && echo before > /data/before
VOLUME /data
RUN echo after > /data/after
`,
    differences: [...MOUNT_POINTS, 'only forge: data/after'],
  },
  'nothing but files on scratch': {
    files: { 'dir/file': 'x' },
    dockerfile: `FROM scratch
COPY dir /dir
ENV A=1
CMD ["/dir/file"]
`,
    differences: [
      'Labels: forge undefined buildah {"io.buildah.version":"…"}',
      'WorkingDir: forge "/" buildah undefined',
    ],
  },
};

for (const [name, { files = {}, arrange, dockerfile, flags = [], differences }] of Object.entries(CASES)) {
  test(name, async (t) => {
    const place = join(home, name.replaceAll(' ', '-'));
    const context = writeFiles(join(place, 'context'), { ...files, Dockerfile: dockerfile });
    arrange?.(context);
    mkdirSync(place, { recursive: true });
    const [ours, theirs] = [join(place, 'forge.tar'), join(place, 'buildah.tar')];
    await shop.done(['build', ...flags, '-o', ours, context]);
    const bud = [...STORAGE, 'bud', ...HOW, '--layers', ...flags];
    await output('buildah', [...bud, '-t', `oci-archive:${theirs}`, context]);
    const [forge, buildah] = [await readImage(ours), await readImage(theirs)];
    t.deepEqual(
      [...treeDifferences(forge, buildah), ...configDifferences(forge, buildah)].sort(),
      [...differences].sort(),
    );
  });
}
