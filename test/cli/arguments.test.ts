import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { buildRequest } from '../../src/cli/arguments/build-request.js';
import { csvFields } from '../../src/cli/arguments/csv.js';
import { parseHost } from '../../src/cli/arguments/hosts.js';
import { parseUlimit } from '../../src/cli/arguments/limits.js';
import { parseTmpfs, parseVolume } from '../../src/cli/arguments/mounts.js';
import { runRequest } from '../../src/cli/arguments/run-request.js';
import type { CliContext } from '../../src/cli/context.js';
import { parseOptions } from '../../src/cli/parse-options.js';
import { buildSpec } from '../../src/cli/specs/build.js';
import { runSpec } from '../../src/cli/specs/run.js';
import { ForgeError } from '../../src/core/index.js';

const DIRECTORY = mkdtempSync(join(tmpdir(), 'forge-arguments-'));
test.after.always(() => rmSync(DIRECTORY, { recursive: true }));

function contextIn(cwd: string, env: Record<string, string> = {}): CliContext {
  const output = { write: () => undefined, isTerminal: false, columns: 80, rows: 24, stream: process.stdout };
  const signal = new AbortController().signal;
  return {
    stdin: process.stdin,
    stdout: output,
    stderr: output,
    env: { FORGE_ROOT: 'store', ...env },
    cwd,
    signal,
    takeSignals: () => undefined,
  };
}

const build = (argv: readonly string[], env: Record<string, string> = {}) =>
  buildRequest(parseOptions(buildSpec, argv), contextIn(DIRECTORY, env));

test('nothing but defaults', (t) => {
  t.deepEqual(build([]), {
    context: { kind: 'directory', path: DIRECTORY },
    tags: [],
    outputs: [],
    buildArgs: {},
    labels: {},
    buildContexts: {},
    allow: [],
    secrets: [],
    platforms: [],
    noCache: false,
    noCacheFilter: [],
    network: 'default',
    addHosts: [],
    limits: {},
    ulimits: [],
    root: join(DIRECTORY, 'store'),
  });
});

test('everything: absolute paths, environment, limits', (t) => {
  writeFileSync(join(DIRECTORY, 'sec'), 'x');
  const request = build(
    [
      ...['-f', 'sub/My', '-t', 'a/b:1', '-t', 'c', '--target', 'x', '--root', 'r'],
      ...[
        '--build-arg',
        'A=1',
        '--build-arg',
        'A=2',
        '--build-arg',
        'B',
        '--build-arg',
        'GONE',
        '--build-arg',
        'C=',
      ],
      ...['--label', 'a=1', '--label', 'b', '--label', 'c=d=e'],
      ...['--build-context', 'base=oci-archive:x.tar', '--allow', 'host', '--allow', 'network.host'],
      ...[
        '--secret',
        'id=s,src=sec',
        '--secret',
        'id=TOKEN',
        '--secret',
        'type=env,id=u,src=V',
        '--secret',
        'id=w,env=W',
      ],
      ...['--platform', 'linux/amd64,linux/arm64', '--no-cache-filter', 'a,b', '--network', 'none'],
      ...[
        '--add-host',
        'h:10.0.0.1',
        '--add-host',
        'i=[::1]',
        '-m',
        '64m',
        '--cpus',
        '1.5',
        '--pids-limit',
        '9',
      ],
      ...[
        '--shm-size',
        '16m',
        '--ulimit',
        'nofile=1000',
        '--jobs',
        '3',
        '--iidfile',
        'iid',
        '--metadata-file',
        '/m',
      ],
      ...['-o', 'app.tar', '-o', 'out', '-o', 'type=tar,dest=-', 'ctx'],
    ],
    { B: 'fromenv', TOKEN: 't' },
  );
  t.like(request, {
    context: { kind: 'directory', path: join(DIRECTORY, 'ctx') },
    file: join(DIRECTORY, 'sub/My'),
    tags: ['a/b:1', 'c'],
    target: 'x',
    buildContexts: { base: 'oci-archive:x.tar' },
    noCacheFilter: ['a', 'b'],
    network: 'none',
    shmSizeBytes: 16_777_216,
    jobs: 3,
    iidFile: join(DIRECTORY, 'iid'),
    metadataFile: '/m',
    root: join(DIRECTORY, 'r'),
  });
  t.deepEqual(request.buildArgs, { A: '2', B: 'fromenv', C: '' });
  t.deepEqual(request.labels, { a: '1', b: '', c: 'd=e' });
  t.deepEqual(request.allow, ['host', 'network.host']);
  t.deepEqual(request.secrets, [
    { id: 's', file: join(DIRECTORY, 'sec') },
    { id: 'TOKEN', env: 'TOKEN' },
    { id: 'u', env: 'V' },
    { id: 'w', env: 'W' },
  ]);
  t.deepEqual(request.platforms, [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
  t.deepEqual(request.addHosts, [
    ['h', '10.0.0.1'],
    ['i', '::1'],
  ]);
  t.deepEqual(request.limits, { memoryBytes: 67_108_864, cpus: 1.5, pids: 9 });
  t.deepEqual(request.ulimits, [{ name: 'nofile', soft: 1000, hard: 1000 }]);
  t.deepEqual(
    request.outputs.map((output) =>
      'directory' in output ? output.directory : 'destination' in output ? output.destination : undefined,
    ),
    [{ kind: 'file', path: join(DIRECTORY, 'app.tar') }, join(DIRECTORY, 'out'), { kind: 'stdout' }],
  );
});

test('contexts: standard input, addresses, and directories that look like addresses', (t) => {
  t.deepEqual(build(['-']).context, { kind: 'stdin' });
  const url = 'https://example.com/repo.git#main:sub';
  t.deepEqual(build([url]).context, { kind: 'url', url });
  mkdirSync(join(DIRECTORY, 'github.com/x'), { recursive: true });
  t.deepEqual(build(['github.com/x']).context, { kind: 'directory', path: join(DIRECTORY, 'github.com/x') });
});

interface Case {
  readonly id: string;
  readonly argv: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly files_gen?: Readonly<Record<string, { readonly repeat: string; readonly count: number }>>;
  readonly expect: { readonly error_contains?: readonly string[] };
}

/** Recorded command lines that are wrong before anything is built. */
const RECORDED = [
  'ctx/two',
  'ctx/f-and-ctx-stdin',
  'output/local-nodest',
  'output/bad-field',
  'output/mode-delete-cwd',
  'secret/missing-file',
  'secret/bad-key',
  'secret/bad-type',
  'secret/too-big',
  'bctx/no-eq',
  'bctx/case',
  'flags/unknown',
  'flags/tag-invalid',
  'flags/addhost-bad',
  'flags/addhost-badip',
  'flags/ulimit-bad',
  'flags/ulimit-bad2',
  'flags/shm-bad',
  'flags/allow-bad',
  'flags/no-cache-filter-conflict',
  'progress/bad',
];

const { cases } = JSON.parse(readFileSync('../shared/conformance/cli/cases.json', 'utf8')) as {
  readonly cases: readonly Case[];
};

for (const id of RECORDED) {
  test(`as recorded: ${id}`, (t) => {
    const recorded = cases.find((candidate) => candidate.id === id);
    const cwd = mkdtempSync(join(DIRECTORY, 'case-'));
    const generated = Object.entries(recorded?.files_gen ?? {}).map(
      ([path, { repeat, count }]) => [path, repeat.repeat(count)] as const,
    );
    for (const [path, text] of [...Object.entries(recorded?.files ?? {}), ...generated]) {
      mkdirSync(dirname(join(cwd, path)), { recursive: true });
      writeFileSync(join(cwd, path), text);
    }
    const argv = recorded?.argv.slice(1) ?? [];
    const error = t.throws(() => buildRequest(parseOptions(buildSpec, argv), contextIn(cwd)), {
      instanceOf: ForgeError,
    });
    if (id === 'ctx/two') t.regex(error.message, /^too many arguments/);
    else
      for (const text of recorded?.expect.error_contains ?? ['?'])
        t.true(error.message.includes(text), error.message);
  });
}

test('refused: other wrong values', (t) => {
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [['--build-arg', '=x'], /^invalid build argument "=x": it has no name$/],
    [['--secret', 'src=x'], /^secret missing ID$/],
    [['--secret', 'id'], /^invalid field 'id' must be a key=value pair$/],
    [['-t', `a@sha256:${'0'.repeat(64)}`], /^invalid tag .*: a new image is not named by a digest$/],
    [['--platform', 'linux/'], /^failed to parse target platform linux\/: "" is an invalid component/],
    [['--cpus', '0'], /^--cpus 0 would let nothing run$/],
    [['--jobs', '0'], /^--jobs 0 would let nothing run$/],
    [['--ulimit', 'nofile'], /invalid ulimit argument: nofile$/],
  ];
  for (const [argv, message] of refused)
    t.throws(() => build(argv), { instanceOf: ForgeError, message }, argv.join(' '));
});

test('run: what is given, and nothing else', (t) => {
  const run = (argv: readonly string[]) =>
    runRequest(parseOptions(runSpec, argv), contextIn(DIRECTORY, { HOME: '/h' }));
  t.deepEqual(run(['img']), {
    image: 'img',
    command: [],
    env: [],
    volumes: [],
    readonly: false,
    tmpfs: [],
    network: 'host',
    limits: {},
    ulimits: [],
    init: false,
    interactive: false,
    terminal: false,
    root: join(DIRECTORY, 'store'),
  });
  t.like(
    run([
      '-it',
      '-e',
      'HOME',
      '-e',
      'A=b c',
      '-w',
      '/w',
      '-u',
      '1:2',
      '-h',
      'box',
      '--entrypoint=',
      'img',
      'sh',
      '-c',
      'x',
    ]),
    {
      command: ['sh', '-c', 'x'],
      env: ['HOME=/h', 'A=b c'],
      workdir: '/w',
      user: '1:2',
      hostname: 'box',
      entrypoint: '',
      interactive: true,
      terminal: true,
    },
  );
});

test('volumes, tmpfs, hosts, ulimits, CSV', (t) => {
  t.deepEqual(parseVolume('./src:/dst:ro', '/cwd'), { source: '/cwd/src', target: '/dst', readonly: true });
  t.deepEqual(parseVolume('/a:/b', '/cwd'), { source: '/a', target: '/b', readonly: false });
  t.throws(() => parseVolume('data:/b', '/'), {
    message: /there are no named volumes; did you mean \.\/data\?$/,
  });
  t.throws(() => parseVolume('/a', '/'), { message: /write it as HOST:DIR/ });
  t.throws(() => parseVolume('/a:b', '/'), { message: /b is not an absolute path$/ });
  t.throws(() => parseVolume('/a:/b:z', '/'), { message: /unknown mode z/ });
  t.deepEqual(parseTmpfs('/run'), { target: '/run' });
  t.deepEqual(parseTmpfs('/run:size=64m,mode=1777'), { target: '/run', sizeBytes: 67_108_864, mode: 0o1777 });
  t.throws(() => parseTmpfs('/run:noexec'), { message: /noexec is neither/ });
  t.deepEqual(parseHost('h=::2'), ['h', '::2']);
  t.deepEqual(parseUlimit('core=0:-1'), { name: 'core', soft: 0, hard: -1 });
  t.deepEqual(csvFields('a,"b,""c""",'), ['a', 'b,"c"', '']);
  t.throws(() => csvFields('a"b'), { instanceOf: ForgeError });
});
