import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import glob from 'fast-glob';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const OTHERS = ['node_modules/**', 'build/**', 'dist/**', '.cache/**'];

test('every relative link of every page leads to a file', async (t) => {
  const pages = await glob('**/*.md', { cwd: PROJECT, ignore: OTHERS });
  t.true(pages.includes('README.md') && pages.length > 10);
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(PROJECT, page), 'utf8').matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !existsSync(join(PROJECT, dirname(page), link)))
      .map((link) => `${page}: ${link}`),
  );
  t.deepEqual(broken, []);
});

test('every example has a Buildfile that says how it is built', async (t) => {
  const examples = await glob('examples/*/Buildfile', { cwd: PROJECT });
  const directories = await glob('examples/*', { cwd: PROJECT, onlyDirectories: true });
  t.is(examples.length, directories.length);
  for (const example of examples)
    t.regex(readFileSync(join(PROJECT, example), 'utf8'), /^#.*forge build/m, example);
});
