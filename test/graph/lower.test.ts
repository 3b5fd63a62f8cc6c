import test from 'ava';
import { readBuildfile } from '../../src/buildfile/index.js';
import { ForgeError, type Platform, parsePlatform } from '../../src/core/index.js';
import {
  type BuildGraph,
  type CopyOperation,
  contextKey,
  imageKey,
  type LowerOptions,
  type LowerResult,
  lower,
  type NamedContext,
  type ResolvedImage,
  type RunOperation,
  type Step,
} from '../../src/graph/index.js';
import type { ContainerConfig } from '../../src/oci/index.js';

const AMD64 = parsePlatform('linux/amd64');
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const DEFAULTS: LowerOptions = {
  buildArgs: {},
  labels: {},
  targetPlatform: AMD64,
  buildPlatform: AMD64,
  namedContexts: new Map(),
  noCache: false,
  noCacheFilter: [],
  lineageScope: '/project/Dockerfile',
  network: 'default',
};

type Overrides = Partial<LowerOptions> & { readonly images?: Readonly<Record<string, ContainerConfig>> };

function attempt(text: string, { images = {}, ...options }: Overrides = {}): LowerResult {
  const { buildfile, error } = readBuildfile(text, 'Dockerfile');
  if (error) throw error;
  const platform: Platform = options.targetPlatform ?? AMD64;
  const resolved = new Map(
    Object.entries(images).map(([name, config]): [string, ResolvedImage] => [
      imageKey(name, platform),
      { config: { os: 'linux', architecture: 'amd64', config, rootfs: { type: 'layers', diff_ids: [] } } },
    ]),
  );
  return lower(buildfile, { ...DEFAULTS, ...options }, resolved);
}

function graphOf(text: string, overrides?: Overrides): BuildGraph {
  const result = attempt(text, overrides);
  if (result.kind === 'graph') return result.graph;
  throw new Error(`images are missing: ${result.images.map(({ name }) => name).join()}`);
}

const history = (graph: BuildGraph) => graph.target.history.map(({ createdBy }) => createdBy);

function runs(graph: BuildGraph): readonly RunOperation[] {
  return graph.steps.flatMap(({ operation }) => (operation.kind === 'run' ? [operation] : []));
}

function copies(graph: BuildGraph): readonly CopyOperation[] {
  return graph.steps.flatMap(({ operation }) => (operation.kind === 'copy' ? [operation] : []));
}

function only(graph: BuildGraph): Step {
  const [step] = graph.steps;
  if (!step || graph.steps.length > 1) throw new Error(`${graph.steps.length} steps`);
  return step;
}

function named(contexts: Readonly<Record<string, NamedContext>>): ReadonlyMap<string, NamedContext> {
  return new Map(Object.entries(contexts).map(([name, context]) => [contextKey(name), context]));
}

test('scratch has a PATH and a working directory; another system neither', (t) => {
  t.deepEqual(graphOf('FROM scratch').target.config, { Env: [PATH], WorkingDir: '/' });
  const windows = graphOf('FROM scratch\nCMD run\nCOPY a b\n', {
    targetPlatform: parsePlatform('windows/amd64'),
  });
  t.deepEqual(windows.target.config, {
    WorkingDir: '\\',
    Cmd: ['cmd', '/S', '/C', 'run'],
    ArgsEscaped: true,
  });
  t.is(copies(windows)[0]?.destination, '/b');
});

test('images that are met are asked for, once each and all at once', (t) => {
  const result = attempt(
    'FROM a AS x\nFROM b\nCOPY --from=x / /\nCOPY --from=c / /\nRUN --mount=from=b,target=/m true\n',
  );
  t.is(result.kind, 'needs-images');
  t.deepEqual(result.kind === 'needs-images' ? result.images.map(({ name }) => name) : [], ['b', 'a', 'c']);
});

test('only the stages that the target needs are lowered', (t) => {
  const text = 'FROM scratch AS a\nCOPY a /\nFROM missing AS unused\nFROM scratch AS b\nCOPY --from=a /a /\n';
  t.deepEqual(
    graphOf(text).steps.map(({ title }) => title),
    ['[a 2/2] COPY a /', '[b 2/2] COPY --from=a /a /'],
  );
  t.deepEqual(
    graphOf(text, { target: 'A' }).steps.map(({ title }) => title),
    ['[a 2/2] COPY a /'],
  );
  t.is(graphOf(text, { target: '0' }).target.name, 'a');
  t.throws(() => graphOf(text, { target: 'bb' }), {
    message: 'target stage "bb" could not be found (did you mean b?)',
  });
});

test('values are those from before the instruction', (t) => {
  const graph = graphOf(
    'FROM scratch\nENV a=1\nENV a=2 b=$a\nARG c=1\nARG c=2 d=$c\nLABEL l=$b$d\nRUN true\n',
  );
  t.deepEqual(graph.target.config.Env, [PATH, 'a=2', 'b=1']);
  t.deepEqual(graph.target.config.Labels, { l: '11' });
  t.deepEqual(runs(graph)[0]?.env, [PATH, 'a=2', 'b=1', 'c=2', 'd=1']);
});

test('build args: given ones win, empty ones are set, undeclared ones are named', (t) => {
  const text = 'ARG g=global\nFROM scratch\nARG g\nARG a=x b\nRUN true\n';
  const graph = graphOf(text, { buildArgs: { a: '', other: '1', HTTP_PROXY: 'p' } });
  t.deepEqual(history(graph), [
    'ARG g=global',
    'ARG a= b',
    'RUN |3 g=global a= b= /bin/sh -c true # buildkit',
  ]);
  t.deepEqual(graph.unusedBuildArgs, ['other']);
  t.deepEqual(runs(graph)[0]?.proxyEnv, ['http_proxy=p', 'HTTP_PROXY=p']);
  t.deepEqual(runs(graph)[0]?.env, [PATH, 'g=global', 'a=']);
});

test('the platform variables and TARGETSTAGE have to be declared', (t) => {
  const text =
    'FROM scratch AS one\nARG TARGETPLATFORM TARGETSTAGE\nLABEL p=$TARGETPLATFORM s=$TARGETSTAGE a=$TARGETARCH\nFROM one AS two\n';
  const labels = (options: Overrides) => graphOf(text, options).target.config.Labels;
  t.deepEqual(labels({}), { p: 'linux/amd64', s: 'two', a: '' });
  t.deepEqual(labels({ target: 'one' }), { p: 'linux/amd64', s: 'one', a: '' });
  const version = parsePlatform('windows(10.0.1)/amd64');
  t.deepEqual(labels({ targetPlatform: version }), { p: 'windows(10.0.1)/amd64', s: 'two', a: '' });
});

test('history has the words of BuildKit', (t) => {
  const text = `FROM scratch
MAINTAINER me
ENV a="x y" b=z
LABEL "k"="v w"
WORKDIR /w/
WORKDIR sub
WORKDIR /
USER u
EXPOSE 80/TCP 53/udp
VOLUME /a /b
STOPSIGNAL SIGTERM
SHELL ["sh", "-x"]
CMD echo "hi"
ENTRYPOINT ["a", "b c"]
HEALTHCHECK --interval=90s --retries=3 CMD true
COPY --chown=1:2 --chmod=755 a b /d/
ADD <<EOF /e
text
EOF
RUN echo
`;
  t.deepEqual(history(graphOf(text)), [
    'MAINTAINER me',
    'ENV a=x y b=z',
    'LABEL k=v w',
    'WORKDIR /w/',
    'WORKDIR /w/sub',
    'WORKDIR /',
    'USER u',
    'EXPOSE [53/udp 80/tcp]',
    'VOLUME [/a /b]',
    'STOPSIGNAL SIGTERM',
    'SHELL [sh -x]',
    'CMD ["sh" "-x" "echo \\"hi\\""]',
    'ENTRYPOINT ["a" "b c"]',
    'HEALTHCHECK {Test:[CMD-SHELL true] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}',
    'COPY --chown=1:2 --chmod=755 a b /d/ # buildkit',
    'ADD <<EOF /e # buildkit',
    'RUN sh -x echo # buildkit',
  ]);
});

test('ENTRYPOINT drops an inherited CMD, not one of its own stage', (t) => {
  const images = { base: { Cmd: ['sh'] } };
  t.is(graphOf('FROM base\nENTRYPOINT ["e"]\n', { images }).target.config.Cmd, undefined);
  t.deepEqual(graphOf('FROM base\nCMD ["c"]\nENTRYPOINT ["e"]\n', { images }).target.config.Cmd, ['c']);
  t.is(
    graphOf('FROM base AS a\nCMD ["c"]\nFROM a\nENTRYPOINT ["e"]\n', { images }).target.config.Cmd,
    undefined,
  );
});

test('triggers of the base run first and are not passed on', (t) => {
  const images = { base: { OnBuild: ['COPY a /', 'ENV x=1'] } };
  const graph = graphOf('FROM base\nENV y=$x\nONBUILD RUN later\n', { images });
  t.deepEqual(history(graph), ['COPY a / # buildkit', 'ENV x=1', 'ENV y=1']);
  t.deepEqual(graph.target.config.OnBuild, ['RUN later']);
});

test('a lone heredoc is the shell text, or a script when it starts with #!', (t) => {
  const [text, script, several] = runs(
    graphOf('FROM scratch\nRUN <<EOF\na\nEOF\nRUN <<X\n#!/bin/awk -f\nb\nX\nRUN cat <<A <<B\n1\nA\n2\nB\n'),
  );
  t.deepEqual(text?.argv, ['/bin/sh', '-c', 'a\n']);
  t.deepEqual(script?.argv, ['/bin/sh', '-c', '/dev/pipes/X']);
  t.deepEqual(script?.script, { name: 'X', content: '#!/bin/awk -f\nb\n' });
  t.deepEqual(several?.argv, ['/bin/sh', '-c', 'cat <<A <<B\n1\nA\n2\nB']);
});

test('destinations are absolute, and say whether they are directories', (t) => {
  const graph = graphOf(
    'FROM scratch\nWORKDIR /w\nCOPY a b\nCOPY a b/\nCOPY a .\nCOPY a /\nCOPY a ../..\nCOPY <<E "$x/n"\nE\n',
  );
  t.deepEqual(
    copies(graph).map(({ destination }) => destination),
    ['/w/b', '/w/b/', '/w/', '/', '/', '/n'],
  );
});

test('mounts: targets below the working directory, ids and caches', (t) => {
  const [run] = runs(
    graphOf(
      'FROM scratch\nWORKDIR /w\nRUN --mount=target=in --mount=type=cache,target=/c,mode=700 --mount=type=secret,id=a/b --mount=type=tmpfs,target=/t,size=1k true\n',
      { buildArgs: { BUILDKIT_CACHE_MOUNT_NS: 'ns' } },
    ),
  );
  t.deepEqual(run?.mounts, [
    { kind: 'bind', from: { kind: 'context', name: 'main' }, source: '/', target: '/w/in', readonly: true },
    {
      kind: 'cache',
      id: 'ns/c',
      target: '/c',
      sharing: 'shared',
      source: '/',
      mode: 0o700,
      uid: 0,
      gid: 0,
      ownerGiven: true,
      readonly: false,
    },
    { kind: 'secret', id: 'a/b', target: '/run/secrets/b', required: false, mode: 0o400, uid: 0, gid: 0 },
    { kind: 'tmpfs', target: '/t', sizeBytes: 1024 },
  ]);
  t.throws(() => graphOf('FROM scratch\nRUN --mount=target=/ true\n'), {
    message: 'invalid mount target "/"',
  });
});

test('a named context stands for an image, and for a stage whose instructions are then not run', (t) => {
  const contexts = named({ files: { kind: 'files', name: 'files' }, busybox: { kind: 'scratch' } });
  const graph = graphOf('FROM missing AS files\nRUN never\nFROM busybox:latest\nCOPY --from=files /a /\n', {
    namedContexts: contexts,
  });
  const step = only(graph);
  t.deepEqual(step.parent, { kind: 'scratch' });
  t.deepEqual(step.operation.kind === 'copy' && step.operation.from, { kind: 'context', name: 'files' });
});

test('FROM a tree of files makes it the first layer', (t) => {
  const contexts = named({ base: { kind: 'files', name: 'base' } });
  const graph = graphOf('FROM base\nCOPY a /\n', { namedContexts: contexts });
  t.deepEqual(history(graph), ['FROM base', 'COPY a / # buildkit']);
  t.deepEqual(
    graph.steps.map(({ title }) => title),
    ['[2/3] FROM base', '[3/3] COPY a /'],
  );
  t.deepEqual(copies(graph)[0]?.from, { kind: 'context', name: 'base' });
});

test('what is built on a step that is made anew is made anew', (t) => {
  const text = 'FROM scratch AS a\nCOPY a /\nFROM a AS b\nCOPY b /\nFROM scratch\nCOPY --from=b / /\n';
  const ignored = (options: Overrides) => graphOf(text, options).steps.map(({ ignoreCache }) => ignoreCache);
  t.deepEqual(ignored({}), [false, false, false]);
  t.deepEqual(ignored({ noCacheFilter: ['A'] }), [true, true, false]);
  t.deepEqual(ignored({ noCache: true }), [true, true, true]);
});

test('SOURCE_DATE_EPOCH: the command line, then a global ARG; empty is none', (t) => {
  const text = 'ARG SOURCE_DATE_EPOCH=5\nFROM scratch\nWORKDIR /w\n';
  const graph = graphOf(text);
  t.is(graph.sourceDateEpoch, '5');
  t.deepEqual(only(graph).operation, { kind: 'workdir', path: '/w', user: '', createdSeconds: 5 });
  t.is(graphOf(text, { buildArgs: { SOURCE_DATE_EPOCH: '7' } }).sourceDateEpoch, '7');
  const none = graphOf(text, { buildArgs: { SOURCE_DATE_EPOCH: '' } });
  t.is(none.sourceDateEpoch, undefined);
  t.deepEqual(only(none).operation, { kind: 'workdir', path: '/w', user: '' });
});

test('5,000 variables take no time to speak of', (t) => {
  const lines = Array.from({ length: 5000 }, (_, index) => `ENV v${index}=${index}`);
  const { Env = [] } = graphOf(`FROM scratch\n${lines.join('\n')}\nENV v7=seven\n`).target.config;
  t.is(Env.length, 5001);
  t.is(Env[8], 'v7=seven');
});

const MISTAKES: readonly (readonly [name: string, text: string, message: string])[] = [
  ['no stages', 'ARG a=1\n', 'dockerfile contains no stages to build'],
  ['blank base', 'FROM $x\n', 'base name ($x) should not be blank'],
  [
    'empty platform',
    'FROM --platform=$TARGETPLATFOM scratch\n',
    'empty platform value from expression $TARGETPLATFOM (did you mean TARGETPLATFORM?)',
  ],
  [
    'bad platform',
    'FROM --platform=a/b/c/d/e scratch\n',
    'failed to parse platform a/b/c/d/e: "d/e" is an invalid component of "a/b/c/d/e": platform specifier component must match "^[A-Za-z0-9_.-]+$": invalid argument',
  ],
  ['from itself', 'FROM scratch AS a\nCOPY --from=a / /\n', 'circular dependency detected on stage: a'],
  [
    'from later',
    'FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nCOPY --from=a / /\n',
    'cannot copy from stage "b", it needs to be defined before current stage "a"',
  ],
  [
    'index out of range',
    'FROM scratch\nCOPY --from=3 / /\n',
    'invalid from flag value 3: there are only 1 stages',
  ],
  [
    'variable in from',
    'FROM scratch\nCOPY --from=$x / /\n',
    'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
  ],
  ['URL for COPY', 'FROM scratch\nCOPY http://a/b /\n', "source can't be a URL for COPY"],
  ['repository for COPY', 'FROM scratch\nCOPY https://a/b.git /\n', "source can't be a git ref for COPY"],
  [
    'chmod',
    'FROM scratch\nCOPY --chmod=99 a /\n',
    "invalid chmod parameter: '99'. it should be octal string and between 0 and 07777",
  ],
  [
    'checksum of a file',
    'FROM scratch\nADD --checksum=sha256:0 a /\n',
    'checksum requires HTTP(S) or Git sources',
  ],
  ['checksum algorithm', 'FROM scratch\nADD --checksum=md5:0 http://a/b /\n', 'unsupported digest algorithm'],
  [
    'another language',
    '# syntax=foobar\nFROM scratch\n',
    'failed to resolve source metadata for docker.io/library/foobar:latest: docker.io/library/foobar:latest: not found',
  ],
];

for (const [name, text, message] of MISTAKES) {
  test(`refused: ${name}`, (t) => {
    const error = t.throws(() => graphOf(text));
    t.true(error instanceof ForgeError);
    t.is(error?.message, message);
  });
}

test('frontends of this language are the built-in one', (t) => {
  for (const name of [
    'docker/dockerfile:1',
    'docker/dockerfile-upstream:master',
    'mirror.example/docker/dockerfile:1.9-labs',
  ]) {
    t.is(graphOf(`# syntax=${name}\nFROM scratch\n`).steps.length, 0, name);
  }
  const overridden = graphOf('# syntax=foobar\nFROM scratch\n', {
    buildArgs: { BUILDKIT_SYNTAX: 'dockerfile.v0' },
  });
  t.is(overridden.steps.length, 0);
});
