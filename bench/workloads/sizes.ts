import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Workload } from './index.js';

const FORGE = fileURLToPath(new URL('../../../bin/forge', import.meta.url));

interface Program {
  readonly package: string;
  readonly path: string;
  readonly data: readonly string[];
  /** Runs in both images: what does not work has no size. */
  readonly proof: readonly string[];
}

const PROGRAMS: readonly Program[] = [
  { package: 'bash', path: '/usr/bin/bash', data: [], proof: ['-c', 'true'] },
  {
    package: 'curl,ca-certificates',
    path: '/usr/bin/curl',
    data: ['ca-certificates', 'nss'],
    proof: ['--version'],
  },
  {
    package: 'python3',
    path: '/usr/bin/python3',
    data: ['python'],
    proof: ['-c', 'import ssl, sqlite3, ctypes'],
  },
];

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Bytes of a gzip OCI archive, and of the files in it. */
interface Size {
  readonly archive: number;
  readonly files: number;
}

class Sizes {
  readonly #home: string;

  constructor(home: string) {
    this.#home = join(home, 'sizes');
    mkdirSync(this.#home, { recursive: true });
  }

  #forge(...argv: readonly string[]): string {
    const env = { ...process.env, FORGE_ROOT: join(this.#home, 'store') };
    return execFileSync(FORGE, argv, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Builds one image with a program as its entrypoint, starts it, and measures it. */
  #measure(name: string, lines: readonly string[], { path, proof }: Program): Size {
    const context = join(this.#home, name);
    mkdirSync(context);
    writeFileSync(join(context, 'Buildfile'), [...lines, `ENTRYPOINT ["${path}"]`, ''].join('\n'));
    const at = (kind: string) => join(this.#home, `${name}-${kind}.tar`);
    const outputs = [`type=oci,dest=${at('oci')}`, `type=tar,dest=${at('files')}`, 'type=image'];
    this.#forge('build', '-q', '-t', name, ...outputs.flatMap((output) => ['-o', output]), context);
    this.#forge('run', name, ...proof);
    return { archive: statSync(at('oci')).size, files: statSync(at('files')).size };
  }

  note(program: Program): string {
    const [name = ''] = program.package.split(',');
    const base = join(this.#home, `base-${name}.tar.gz`);
    const argv = ['--quiet', '--variant=minbase', `--include=${program.package}`, 'bookworm', base];
    execFileSync('mmdebstrap', argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#forge('import', base, `base-${name}`);
    const whole = this.#measure(`whole-${name}`, [`FROM base-${name}`], program);
    const data = program.data.length === 0 ? '' : ` --with-data=${program.data.join(',')}`;
    const copy = `COPY --from=base-${name} --with-libs${data} ${program.path} /usr/bin/`;
    const minimal = this.#measure(`minimal-${name}`, ['FROM scratch', copy], program);
    const shown = ({ archive, files }: Size) => `${megabytes(archive)} (${megabytes(files)} of files)`;
    const ratio = (whole.archive / minimal.archive).toFixed(1);
    return `${name}: ${shown(minimal)}; Debian minbase with it: ${shown(whole)}; ${ratio}x smaller`;
  }
}

/** Sizes are no matter of speed: there is nothing to time. */
export const sizes: Workload = {
  name: 'sizes',
  title: 'minimal images beside Debian minbase with the same program',
  bar: 1,
  async run({ home }) {
    const images = new Sizes(home);
    return { measurements: [], notes: PROGRAMS.map((program) => images.note(program)) };
  },
};
