import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender } from './measure.js';

const FORGE = fileURLToPath(new URL('../../bin/forge', import.meta.url));

/** A builder that can do the workloads; each keeps everything below one directory. */
export interface Builder {
  readonly name: string;
  /** Makes the base image known under the name `base`. */
  prepare(rootfsTar: string): void;
  build(options: BuildOptions): Contender;
  /** `run IMAGE true`; absent where the tool only builds. */
  run?(image: string): Contender;
  /** An argv that writes a built image to an OCI archive, run untimed for comparison. */
  export(image: string, archive: string): readonly string[];
}

export interface BuildOptions {
  readonly context: string;
  readonly file: string;
  readonly tag: string;
  readonly cache: boolean;
  /** Also write a gzip OCI archive there. */
  readonly archive?: string;
  readonly before?: () => void;
}

function has(command: string): boolean {
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function forgeBuilder(home: string): Builder {
  const root = ['--root', join(home, 'forge')];
  const name = 'forge';
  return {
    name,
    prepare: (tar) => void execFileSync(FORGE, ['import', ...root, tar, 'base']),
    build: ({ context, file, tag, cache, archive, before }) => ({
      name,
      command: FORGE,
      argv: [
        'build',
        ...root,
        '-f',
        file,
        ...(cache ? [] : ['--no-cache']),
        ...(archive ? ['-o', `type=oci,dest=${archive}`] : ['-t', tag]),
        context,
      ],
      ...(before ? { before } : {}),
    }),
    run: (image) => ({
      name,
      command: FORGE,
      argv: ['run', '--rm', ...root, '--network', 'none', image, 'true'],
    }),
    export: (image, archive) => [FORGE, 'save', ...root, '--format', 'oci', '-o', archive, image],
  };
}

function buildahBuilder(home: string): Builder {
  const root = ['--root', join(home, 'buildah'), '--runroot', join(home, 'buildah-run')];
  const name = 'buildah';
  return {
    name,
    prepare: (tar) => {
      const id = execFileSync('buildah', [...root, 'from', 'scratch'], { encoding: 'utf8' }).trim();
      execFileSync('buildah', [...root, 'add', id, tar, '/'], { stdio: 'ignore' });
      execFileSync('buildah', [...root, 'config', '--env', 'PATH=/bin', '--cmd', 'sh', id], {
        stdio: 'ignore',
      });
      execFileSync('buildah', [...root, 'commit', '--rm', id, 'localhost/base:latest'], { stdio: 'ignore' });
    },
    // crun refuses machines with hybrid cgroups; runc works on all.
    build: ({ context, file, tag, cache, archive, before }) => ({
      name,
      command: 'buildah',
      argv: [
        ...root,
        'bud',
        '--runtime',
        'runc',
        '--network',
        'host',
        '--layers',
        // With --layers it would leave an archive's layers uncompressed.
        '--disable-compression=false',
        '-q',
        '-f',
        file,
        ...(cache ? [] : ['--no-cache']),
        '-t',
        archive ? `oci-archive:${archive}` : tag,
        context,
      ],
      ...(before ? { before } : {}),
    }),
    export: (image, archive) => ['buildah', ...root, 'push', '-q', image, `oci-archive:${archive}`],
  };
}

function podmanBuilder(home: string): Builder {
  const shared = buildahBuilder(home);
  const root = [
    '--root',
    join(home, 'buildah'),
    '--runroot',
    join(home, 'buildah-run'),
    '--cgroup-manager',
    'cgroupfs',
    '--runtime',
    'runc',
  ];
  return {
    ...shared,
    name: 'podman',
    prepare: () => undefined,
    run: (image) => ({
      name: 'podman',
      command: 'podman',
      argv: [
        ...root,
        'run',
        '--rm',
        '--network',
        'none',
        '--ulimit',
        'nofile=1024:1024',
        '--ulimit',
        'nproc=1024:1024',
        `localhost/${image}`,
        'true',
      ],
    }),
  };
}

/** forge, and the peers that this machine has. */
export function findBuilders(home: string): readonly Builder[] {
  return [
    forgeBuilder(home),
    ...(has('buildah') ? [buildahBuilder(home)] : []),
    ...(has('podman') ? [podmanBuilder(home)] : []),
  ];
}
