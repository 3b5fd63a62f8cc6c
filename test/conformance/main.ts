import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildCase, readCases } from './cases.js';
import { type ReadImage, readLayout } from './image-tree.js';
import { type RunSetting, runCase } from './run-case.js';

/**
 * `npm run conformance -- [--only TEXT]… [--quiet] CASES.json…`: runs recorded whole builds against
 * the built command line, prints each failing case, then `N passed, N failed`.
 */

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

interface Exclusion {
  readonly id: string;
  readonly reason: string;
}

function readExclusions(): ReadonlyMap<string, string> {
  const file = join(PROJECT, 'test/conformance/exclusions.json');
  const list = JSON.parse(readFileSync(file, 'utf8')) as readonly Exclusion[];
  return new Map(list.map(({ id, reason }) => [id, reason]));
}

/** Makes the stand-in base images and a store that holds them. */
async function prepare(work: string): Promise<RunSetting> {
  const forge = join(PROJECT, 'bin/forge');
  const baseStore = join(work, 'base-store');
  const maker = join(PROJECT, '../shared/conformance/base-images/mkbase.py');
  const layouts = join(work, 'bases');
  execFileSync('python3', [maker, layouts], { stdio: 'ignore' });
  const bases = new Map<string, ReadImage>();
  for (const name of ['busybox', 'alpine']) {
    const [image] = await readLayout(join(layouts, name), join(work, 'base-trees'));
    if (image) bases.set(name, image);
    const context = join(work, `from-${name}`);
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), `FROM ${name}\n`);
    const source = `${name}=oci-layout://${join(layouts, name)}`;
    execFileSync(
      forge,
      ['build', '-q', '--root', baseStore, '--build-context', source, '-t', `${name}:latest`, context],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
  }
  execFileSync(forge, ['tag', '--root', baseStore, 'busybox:latest', 'busybox:stable-musl'], {
    stdio: 'inherit',
  });
  return { forge, baseStore, bases, work };
}

/** Workers side by side: a build waits for disks and processes as much as it computes. */
const WORKERS = 2;
/** A case that takes longer is named while it still runs, so that a hanging one is known. */
const SLOW_MS = 20_000;

/** Names the case whenever another SLOW_MS have passed without its end. */
function watch(id: string): NodeJS.Timeout {
  const start = Date.now();
  return setInterval(() => {
    process.stdout.write(`SLOW ${id}: has been running for ${Math.round((Date.now() - start) / 1000)} s\n`);
  }, SLOW_MS);
}

async function runAll(cases: readonly BuildCase[], setting: RunSetting, quiet: boolean): Promise<number> {
  const exclusions = readExclusions();
  let [passed, failed, excluded] = [0, 0, 0];
  const queue = cases.entries();
  const worker = async () => {
    for (const [, test] of queue) {
      const reason = exclusions.get(test.id);
      if (reason !== undefined) {
        excluded++;
        process.stdout.write(`EXCLUDED ${test.id}: ${reason}\n`);
        continue;
      }
      const watching = watch(test.id);
      const { hard, soft } = await runCase(test, setting).finally(() => clearInterval(watching));
      if (hard.length === 0) passed++;
      else {
        failed++;
        process.stdout.write(`FAIL ${test.id}: ${test.pins}\n${hard.map((line) => `  ${line}\n`).join('')}`);
      }
      if (!quiet && soft.length > 0)
        process.stdout.write(`NOTE ${test.id}\n${soft.map((line) => `  ${line}\n`).join('')}`);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  if (excluded > 0) process.stdout.write(`${excluded} excluded\n`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed;
}

async function main(argv: readonly string[]): Promise<void> {
  const files: string[] = [];
  const only: string[] = [];
  let quiet = false;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '--only') only.push(argv[++index] ?? '');
    else if (word === '--quiet') quiet = true;
    else files.push(resolve(word));
  }
  const missing = files.find((file) => !existsSync(file));
  if (files.length === 0 || missing) {
    process.stderr.write(
      `usage: npm run conformance -- [--only TEXT]… [--quiet] CASES.json…${missing ? `\nno such file: ${missing}` : ''}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const work = mkdtempSync(join(tmpdir(), 'forge-conformance-'));
  try {
    const cases = (await Promise.all(files.map(readCases)))
      .flat()
      .filter(({ id }) => only.length === 0 || only.some((text) => id.includes(text)));
    process.exitCode = (await runAll(cases, await prepare(work), quiet)) > 0 ? 1 : 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
