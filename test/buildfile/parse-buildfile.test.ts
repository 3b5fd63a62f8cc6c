import test, { type ExecutionContext } from 'ava';
import {
  buildfileErrorText,
  checkStopSignal,
  decodeBuildfile,
  type Instruction,
  parseBuildfile,
  parseMount,
  parseOnbuild,
} from '../../src/buildfile/index.js';
import { ForgeError } from '../../src/core/index.js';

function failure(action: () => unknown): ForgeError {
  try {
    action();
  } catch (error) {
    if (error instanceof ForgeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const mistake = (text: string) => failure(() => parseBuildfile(text, 'Buildfile'));

/** The one instruction behind `FROM scratch`. */
function instruction<Kind extends Instruction['kind']>(
  kind: Kind,
  line: string,
): Extract<Instruction, { kind: Kind }> {
  const found = parseBuildfile(`FROM scratch\n${line}\n`, 'Buildfile').stages[0]?.instructions[0];
  if (found?.kind !== kind) throw new Error(`expected ${kind}, got ${found?.kind}`);
  return found as Extract<Instruction, { kind: Kind }>;
}

test('an error knows its file, lines, column, source text and what is near', (t) => {
  const error = mistake('FROM scratch\n\n  FORM a \\\n  b\n');
  t.is(error.message, 'unknown instruction: FORM (did you mean FROM?)');
  t.is(error.code, 'user/unknown-instruction');
  t.deepEqual(error.source, {
    file: 'Buildfile',
    startLine: 3,
    endLine: 4,
    column: 3,
    text: ['  FORM a \\', '  b'],
  });
  t.is(
    buildfileErrorText(error),
    'dockerfile parse error on line 3: unknown instruction: FORM (did you mean FROM?)',
  );
});

test('a swap of neighbours is nearer than two wrong letters', (t) => {
  t.is(mistake('FROM a\nCOPY --chwon=1 a b').message, 'unknown flag: --chwon (did you mean chown?)');
});

test('an unknown flag is shown where it stands, with the flags there are', (t) => {
  const error = mistake('FROM scratch\nCOPY --frm=a x y\n');
  t.is(error.message, 'unknown flag: --frm (did you mean from?)');
  t.is(error.source?.column, 6);
  t.regex(error.hint ?? '', /^it takes --chown, --chmod, --from, --link, --parents, --exclude, --with-libs/);
  t.is(mistake('FROM scratch\nENV --x a=b').hint, 'this instruction takes no flags; `--` alone ends flags');
});

const badTexts: Readonly<Record<string, readonly [text: string, message: string, line: number]>> = {
  empty: ['', 'file with no instructions', 0],
  'blank lines only': ['\n  \n\t\n', 'file with no instructions', 3],
  'a flag of another instruction': ['FROM a\nCOPY --mount=type=bind a b', 'unknown flag: --mount', 2],
  'unterminated heredoc': ['FROM a\nRUN <<EOF\nx\n', 'unterminated heredoc', 2],
  'heredoc ended by an indented word': ['FROM a\nRUN <<EOF\nx\n EOF\n', 'unterminated heredoc', 2],
  'second heredoc unterminated': ['FROM a\nCOPY <<A <<B /\nx\nA\n', 'unterminated heredoc', 2],
  'heredoc word with an open quote': [
    `FROM a\nUSER x\nCOPY <<"A B /\nx\n`,
    'failed to process "\\"A": unexpected end of statement while looking for matching double-quote',
    3,
  ],
  'instruction before FROM': ['RUN a\nFROM b', 'no build stage in current context', 1],
  'two escape directives': [
    '# escape=`\n# escape=`\nFROM a',
    'only one escape parser directive can be used',
    2,
  ],
  'UTF-16 read as UTF-8': ['\ufffd\ufffdF\0R\0O\0M\0', 'unknown instruction: \ufffd\ufffdF\0R\0O\0M\0', 1],
  'old Mac line ends': ['FROM a\rRUN b\r', 'FROM requires either one or three arguments', 1],
};

for (const [name, [text, message, line]] of Object.entries(badTexts)) {
  test(`bad text: ${name}`, (t) => {
    const error = mistake(text);
    t.is(error.message, message);
    t.is(error.source?.startLine, line);
    t.is(error.category, 'user');
  });
}

test('bytes that are no text are refused, bytes that are almost text are not', (t) => {
  const utf16 = failure(() => decodeBuildfile(new Uint8Array([0xff, 0xfe, 0x46, 0]), 'Buildfile'));
  t.is(utf16.message, 'Buildfile is UTF-16, not UTF-8');
  t.is(utf16.hint, 'iconv -f UTF-16 -t UTF-8 Buildfile');
  t.is(buildfileErrorText(utf16), utf16.message);
  t.is(failure(() => decodeBuildfile(new Uint8Array(), 'f')).message, 'the Dockerfile cannot be empty');
  const elf = failure(() => decodeBuildfile(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 0]), 'x/a.out'));
  t.is(elf.message, 'x/a.out is not a text file: byte 7 is zero');
  t.is(decodeBuildfile(new Uint8Array([0x23, 0xe9, 0x0a]), 'Buildfile'), '#\ufffd\n');
  t.is(
    decodeBuildfile(new TextEncoder().encode('\ufeff# escape=`\nFROM ä'), 'Buildfile'),
    '\ufeff# escape=`\nFROM ä',
  );
});

test('a byte order mark and CRLF change nothing outside heredocs', (t) => {
  const text = '\ufeff# escape=`\r\nFROM scratch\r\nRUN a `\r\n  b\r\nCOPY <<E /x\r\n1\r\nE\r\n';
  const { stages, directives } = parseBuildfile(text, 'Buildfile');
  t.is(directives.escape, '`');
  const [run, copy] = stages[0]?.instructions ?? [];
  t.deepEqual(run?.kind === 'RUN' && run.command, { shellForm: true, words: ['a   b'] });
  t.is(copy?.kind === 'COPY' && copy.inline[0]?.content, '1\r\n');
});

test('an over-long line is refused after what stands before it', (t) => {
  const long = `FROM scratch\nRUN ${'a'.repeat(65_531)}\n`;
  t.is(parseBuildfile(long, 'Buildfile').stages.length, 1);
  const error = mistake(`FROM scratch\nRUN ${'ä'.repeat(32_766)}\n`);
  t.is(error.message, 'dockerfile line greater than max allowed size of 65535');
  t.is(buildfileErrorText(error), error.message);
});

test('RUN takes limits of its own', (t) => {
  const { limits, command } = instruction(
    'RUN',
    'RUN --memory=512m --cpus=1.5 --pids=200 --timeout=10m make',
  );
  t.deepEqual(limits, { memoryBytes: 512 * 1024 ** 2, cpus: 1.5, pids: 200, timeoutMs: 600_000 });
  t.deepEqual(command.words, ['make']);
  t.deepEqual(instruction('RUN', 'RUN make').limits, {});
});

const badLimits = [
  '--memory=lots',
  '--memory=0',
  '--cpus=0',
  '--cpus=two',
  '--pids=1.5',
  '--pids=0',
  '--timeout=10',
  '--timeout=0s',
  '--timeout=-1s',
];

test('limits that cannot be are refused with the flag and its value', (t) => {
  for (const flag of badLimits) {
    const error = mistake(`FROM scratch\nRUN ${flag} a`);
    const [name, value] = flag.split('=');
    t.is(error.message, `invalid value for ${name}: ${JSON.stringify(value)}`);
    t.is(error.code, 'user/limit');
    t.truthy(error.hint);
    t.is(error.source?.column, 5);
  }
});

test('COPY --with-libs and its family', (t) => {
  const flags =
    '--from=b --with-libs=keep --with-data=ca-certificates,tzdata --lib-path=/opt/lib --allow-missing=libx.so.1';
  t.deepEqual(instruction('COPY', `COPY ${flags} /bin/app /app`).withLibs, {
    conflict: 'keep',
    data: ['ca-certificates', 'tzdata'],
    libPaths: ['/opt/lib'],
    allowMissing: ['libx.so.1'],
  });
  t.is(instruction('COPY', 'COPY --with-libs a b').withLibs?.conflict, 'error');
  t.is(instruction('COPY', 'COPY --with-libs=replace a b').withLibs?.conflict, 'replace');
  t.is(instruction('COPY', 'COPY a b').withLibs, undefined);
  t.is(mistake('FROM a\nCOPY --with-data=tzdata a b').message, '--with-data needs --with-libs');
  t.is(mistake('FROM a\nCOPY --lib-path=/l a b').message, '--lib-path needs --with-libs');
  t.is(mistake('FROM a\nCOPY --allow-missing=x a b').message, '--allow-missing needs --with-libs');
  t.is(mistake('FROM a\nCOPY --with-libs=maybe a b').message, 'invalid value for --with-libs: "maybe"');
  t.is(mistake('FROM a\nCOPY --with-libs --lib-path= a b').message, 'missing a value on flag: --lib-path');
  t.is(mistake('FROM a\nADD --with-libs a b').message, 'unknown flag: --with-libs');
});

test('mount values are expanded after the commas have been cut', (t) => {
  const expandValue = (value: string) => value.replace('$T', '/a,b');
  t.deepEqual(parseMount('type=cache,target=$T,sharing=locked,mode=0700', expandValue), {
    type: 'cache',
    target: '/a,b',
    sharing: 'locked',
    mode: 0o700,
    readonly: false,
  });
  t.is(
    failure(() => parseMount('type=cahce,target=/x')).message,
    'unsupported mount type "cahce" (did you mean cache?)',
  );
  t.is(
    failure(() => parseMount('type=cache,sharing=lock')).message,
    'unsupported sharing value "lock" (did you mean locked?)',
  );
  t.is(failure(() => parseMount('type=cache,mode=9')).message, 'invalid value 9 for mode');
  t.is(
    failure(() => parseMount('type=bind,target="/x')).message.startsWith('failed to parse csv mounts: '),
    true,
  );
});

const origin = {
  source: { file: 'Buildfile', startLine: 1, endLine: 1, text: ['FROM base'] },
  original: 'FROM base',
};

test('a recorded ONBUILD trigger is parsed with its heredocs', (t) => {
  const parsed = parseOnbuild('COPY <<-A <<B /x/\n\tone\nA\ntwo\nB', origin);
  t.is(parsed.kind, 'COPY');
  t.deepEqual(parsed.kind === 'COPY' && parsed.inline.map(({ name, content }) => [name, content]), [
    ['A', 'one\n'],
    ['B', 'two\n'],
  ]);
  t.is(parsed.source, origin.source);
});

test('a recorded ONBUILD trigger that cannot be is an error at the FROM that brings it', (t) => {
  const unknown = failure(() => parseOnbuild('FOO a', origin));
  t.is(unknown.message, 'unknown instruction: FOO (did you mean FROM?)');
  t.is(unknown.source?.startLine, 1);
  t.is(
    failure(() => parseOnbuild('RUN a\nRUN b', origin)).message,
    'onbuild trigger should be a single expression',
  );
  t.is(failure(() => parseOnbuild('', origin)).message, 'file with no instructions');
});

test('stop signals are numbers or names that Linux knows', (t: ExecutionContext) => {
  for (const signal of ['9', 'SIGTERM', 'term', 'sigusr1', 'RTMIN', 'SIGRTMIN+3', 'RTMAX-14', '64']) {
    t.notThrows(() => checkStopSignal(signal));
  }
  for (const signal of ['0', '', 'SIGFOO', 'RTMIN+16', 'SIG', '9x']) {
    t.is(failure(() => checkStopSignal(signal)).message, `invalid signal: ${signal}`);
  }
  t.is(failure(() => checkStopSignal('SIGTREM')).hint, 'did you mean SIGTERM?');
});

test('durations of HEALTHCHECK are worded as the reference words them', (t) => {
  const wrong = (flag: string) => mistake(`FROM a\nHEALTHCHECK ${flag} CMD x`).message;
  t.is(wrong('--interval=5'), 'time: missing unit in duration "5"');
  t.is(wrong('--interval=5x'), 'time: unknown unit "x" in duration "5x"');
  t.is(wrong('--interval=x'), 'time: invalid duration "x"');
  t.is(wrong('--timeout=1us'), 'Interval "timeout" cannot be less than 1ms');
  t.is(wrong('--retries=-1'), '--retries cannot be negative (-1)');
});
