// Compiles what is out of date: the native part (make), the modules that tests and benchmarks run
// (tsc to build/), and the bundle that users run (esbuild to dist/).
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const run = (command, args) => execFileSync(command, args, { stdio: 'inherit' });

run('make', ['--no-print-directory', '-s', '-C', 'native']);
run(process.execPath, ['node_modules/typescript/bin/tsc']);

if (existsSync('src/cli/main.ts')) {
  rmSync('dist', { recursive: true, force: true });
  await build({
    entryPoints: { cli: 'src/cli/main.ts', api: 'src/api/index.ts' },
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    sourcemap: 'linked',
    logLevel: 'warning',
  });
  run(process.execPath, [
    'node_modules/typescript/bin/tsc',
    '--declaration',
    '--emitDeclarationOnly',
    '--incremental',
    'false',
    '--rootDir',
    'src',
    '--outDir',
    'dist',
    '--project',
    'tsconfig.api.json',
  ]);
}
