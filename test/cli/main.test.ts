import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { SPECS } from '../../src/cli/spec-table.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function exec(
  command: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, [...argv], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? null), stdout, stderr });
    });
  });
}

const forge = (...argv: string[]) => exec(process.execPath, [MAIN, ...argv]);

test('help lists every command; each has its own page with examples', async (t) => {
  const { code, stdout } = await forge();
  t.is(code, 0);
  for (const { name } of SPECS) t.regex(stdout, new RegExp(`^ {2}${name} +[A-Z]`, 'm'));
  t.is((await forge('--help')).stdout, stdout);
  t.is((await forge('help')).stdout, stdout);
  const pages = await Promise.all(SPECS.map(({ name }) => forge('help', name)));
  for (const [index, page] of pages.entries()) {
    const name = SPECS[index]?.name ?? '';
    t.is(page.code, 0);
    t.true(page.stdout.startsWith(`Usage:  forge ${name} [OPTIONS]`));
    t.regex(page.stdout, /\nExamples:\n {2}# .+\n {2}\S/);
  }
  t.is((await forge('version', '--help')).stdout, (await forge('help', 'version')).stdout);
});

test('errors of usage: exit code 1, standard error, a hint', async (t) => {
  t.deepEqual(await forge('histroy'), {
    code: 1,
    stdout: '',
    stderr: 'ERROR: unknown command: histroy (did you mean history?)\nhint: see forge help\n',
  });
  t.deepEqual(await forge('version', '--fromat', 'json'), {
    code: 1,
    stdout: '',
    stderr: 'ERROR: unknown flag: --fromat (did you mean --format?)\nhint: see forge version --help\n',
  });
  t.is((await forge('run')).code, 125);
});

test('version', async (t) => {
  const { stdout } = await forge('version');
  t.regex(stdout, /^forge \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+, linux\/\w+\)\n$/);
  t.is((await forge('--version')).stdout, stdout);
  t.regex(stdout, new RegExp(JSON.parse((await forge('version', '--format=json')).stdout).version));
});

test('a reader that goes away ends forge quietly', async (t) => {
  const script = `"$0" "$1" help build | head -c 1; echo " \${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await exec('bash', ['-c', script, process.execPath, MAIN]);
  t.regex(stdout, /^U (0|141)\n$/);
  t.is(stderr, '');
});

/** What bash offers at the end of a line, through the script that `forge completion bash` prints. */
async function bashOffers(directory: string, line: string): Promise<readonly string[]> {
  const script = `cd "$2" || exit 1; PATH="$2/bin:$PATH"; source <(forge completion bash)
    COMP_LINE=$1; COMP_POINT=\${#1}; compopt() { :; }; _forge; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await exec('bash', ['-c', script, 'bash', line, directory]);
  return stderr === '' ? stdout.split('\n').filter((text) => text !== '') : [stderr];
}

test('completion in bash', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'forge-completion-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'bin'));
  await writeFile(join(directory, 'Some file'), '');
  await mkdir(join(directory, 'Some dir'));
  await writeFile(join(directory, 'forge.sh'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
    mode: 0o755,
  });
  await symlink('../forge.sh', join(directory, 'bin/forge'));
  t.deepEqual(await bashOffers(directory, 'forge ver'), ['version']);
  t.deepEqual(await bashOffers(directory, 'forge completion '), ['bash', 'zsh', 'fish']);
  t.deepEqual(await bashOffers(directory, 'forge version --format=j'), ['json']);
  t.deepEqual(await bashOffers(directory, 'forge version --format t'), ['text']);
});

test('completion: there is a script for each shell, and none for others', async (t) => {
  t.regex((await forge('completion', 'zsh')).stdout, /^#compdef forge\n/);
  t.regex((await forge('completion', 'fish')).stdout, /\ncomplete -c forge /);
  t.is(
    (await forge('completion', 'csh')).stderr,
    'ERROR: no completion for the shell csh\nhint: there is one for bash, zsh, fish\n',
  );
});

test('an interrupt cancels: exit code 130', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'forge-interrupt-'));
  t.teardown(() => rm(root, { recursive: true }));
  const child = spawn(process.execPath, [MAIN, 'load', '--root', root], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const code = new Promise((resolve) => child.on('exit', (exit, signal) => resolve(exit ?? signal)));
  // more than a pipe holds: once it is written, forge is reading
  await new Promise((resolve) => child.stdin.write(Buffer.alloc(300_000), resolve));
  child.kill('SIGINT');
  t.is(await code, 130);
  t.is(stderr, 'cancelled\n');
});
