// Compiles what is out of date: the native part (make), the modules that tests and benchmarks run
// (tsc to build/), and the bundle that users run (esbuild to dist/).
import { execFileSync } from 'node:child_process';
import { bundle } from './bundle.mjs';

const run = (command, args) => execFileSync(command, args, { stdio: 'inherit' });

run('make', ['--no-print-directory', '-s', '-C', 'native']);
run(process.execPath, ['node_modules/typescript/bin/tsc']);
await bundle();
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
