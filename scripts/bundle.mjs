// Bundles forge into dist/: one file for the command, with the loader that starts it, and the
// modules of the programming interface.
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Names stay, as stacks in reports of bugs have them.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};

/** A function expression, as the loader calls it: `require` and the file's name are its arguments. */
const COMMAND = {
  format: 'cjs',
  define: { 'import.meta.url': 'moduleUrl' },
  banner: {
    js: '(function(require,__filename){const module={exports:{}},moduleUrl=require("node:url").pathToFileURL(__filename).href;',
  },
  footer: { js: '})' },
};

/** Bundles the command; gives the name of its file, which changes with its content. */
async function bundleCommand() {
  const made = 'dist/forge.cjs';
  await build({
    ...shared,
    ...COMMAND,
    entryPoints: ['src/cli/main.ts'],
    outfile: made,
    sourcemap: 'linked',
  });
  const bytes = readFileSync(made);
  if (bytes.some((byte) => byte > 0x7f))
    throw new Error('the bundle is not ASCII: its loader reads it as latin1');
  const name = `forge-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.cjs`;
  renameSync(made, `dist/${name}`);
  return name;
}

/** Makes dist/ anew. */
export async function bundle() {
  rmSync('dist', { recursive: true, force: true });
  const name = await bundleCommand();
  await build({
    ...shared,
    entryPoints: ['src/cli/start.ts'],
    outfile: 'dist/cli.cjs',
    format: 'cjs',
    define: { FORGE_BUNDLE: JSON.stringify(name) },
  });
  await build({
    ...shared,
    entryPoints: { api: 'src/api/index.ts' },
    outdir: 'dist',
    splitting: true,
    format: 'esm',
    sourcemap: 'linked',
  });
}
