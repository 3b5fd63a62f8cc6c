import { posix } from 'node:path';
import type { ResolvedProgram } from '../walk/closure-walk.js';
import type { DataSet } from './data-set.js';
import type { RuleSource } from './rule-source.js';

const PROGRAM = /^python(\d(?:\.\d+)?)?$/;
/** Parts of the standard library that no program imports: its tests, an editor, demos, files for embedding. */
const LEFT_OUT =
  /\/python\d\.\d+\/(test|idlelib|turtledemo|config-[^/]*|lib2to3\/tests|ctypes\/test|distutils\/tests|unittest\/test|sqlite3\/test|tkinter\/test)$/;

export const python: DataSet = {
  name: 'python',
  summary: 'the standard library, installed packages and their extension modules',
  apply(source) {
    for (const program of source.programs.filter(isPython)) {
      const [, version] = /python(\d\.\d+)/.exec(program.object.arrival.path) ?? [];
      if (version === undefined) continue;
      for (const directory of libraryTrees(source, program, version)) addTree(source, directory, program);
    }
    addVirtualEnvironments(source);
  },
};

function isPython({ object }: ResolvedProgram): boolean {
  return PROGRAM.test(posix.basename(object.arrival.path));
}

/** sys.path of an installation: by the prefix of the program, and what Debian adds. */
function libraryTrees(source: RuleSource, { object }: ResolvedProgram, version: string): readonly string[] {
  const prefix = posix.dirname(posix.dirname(object.arrival.path));
  const prefixes = prefix === '/' ? ['/usr', '/'] : [prefix];
  const own = prefixes.flatMap((it) => [
    posix.join(it, `lib/python${version}`),
    posix.join(it, `lib64/python${version}`),
    posix.join(it, `lib/python${version.replace('.', '')}.zip`),
  ]);
  const debian = [
    '/usr/lib/python3/dist-packages',
    `/usr/local/lib/python${version}/dist-packages`,
    `/usr/local/lib/python${version}/site-packages`,
  ];
  const named = source.options.env?.PYTHONPATH?.split(':').filter((path) => path.startsWith('/')) ?? [];
  return [...new Set([...own, ...(prefix === '/usr' || prefix === '/' ? debian : []), ...named])];
}

function addTree(
  source: RuleSource,
  directory: string,
  program: ResolvedProgram,
  seen = new Set<string>(),
): void {
  const real = source.realPath(directory);
  if (real === undefined || seen.has(real)) return;
  seen.add(real);
  const modules: string[] = [];
  const extensions: string[] = [];
  source.addTree(directory, (path) => {
    if (LEFT_OUT.test(path)) return false;
    if (/\.so(\.[\d.]+)?$/.test(path)) modules.push(path);
    if (path.endsWith('.pth')) extensions.push(path);
    return true;
  });
  for (const module of modules) if (source.canLoad(module, program)) source.addModule(module, program);
  for (const file of extensions) addPathFile(source, file, program, seen);
}

/** A `.pth` file: each line that is a directory is a part of sys.path. */
function addPathFile(source: RuleSource, file: string, program: ResolvedProgram, seen: Set<string>): void {
  for (const line of (source.text(file) ?? '').split('\n')) {
    const path = line.trim();
    if (path === '' || path.startsWith('#') || path.startsWith('import ')) continue;
    const directory = posix.resolve(posix.dirname(file), path);
    if (source.isDirectory(directory)) addTree(source, directory, program, seen);
  }
}

/** bin/python of a virtual environment is a link; the environment lies around the link. */
function addVirtualEnvironments(source: RuleSource): void {
  for (const { path, source: from } of [...source.files.values()]) {
    if (!PROGRAM.test(posix.basename(path))) continue;
    const environment = posix.dirname(posix.dirname(from ?? path));
    const program = source.programs.find(
      ({ object }) => object.arrival.path === source.realPath(from ?? path),
    );
    if (program === undefined || !source.add(`${environment}/pyvenv.cfg`)) continue;
    for (const directory of source.glob(`${environment}/lib*/python*/site-packages`))
      addTree(source, directory, program);
  }
}
