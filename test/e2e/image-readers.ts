import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, output, run } from '../fixtures/forge-command.js';
import { comparable, readTree, sha256 } from '../layer/tree.js';
import { schemaErrors } from '../oci/image-spec-schema.js';
import { emptyWorkshop, makeTestDirectory, removeTestDirectory } from './workshop.js';

/** What of an image's configuration these tests look at. */
export interface ImageFacts {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
}

/** Everything about the files below a directory, their contents as digests. */
export function treeFacts(directory: string): readonly unknown[] {
  const entries = readTree(directory).map(({ content, ...entry }) =>
    content === undefined ? entry : { ...entry, content: sha256(Buffer.from(content, 'latin1')) },
  );
  return comparable(entries);
}

/** Other tools' view of an OCI archive, and forge's own, below a directory of their own. */
export class ImageReaders {
  readonly #directory: string;
  readonly #archive: string;
  #tree: readonly unknown[] = [];

  constructor(directory: string, archive: string) {
    this.#directory = join(directory, 'readers');
    this.#archive = archive;
    mkdirSync(this.#directory, { recursive: true });
  }

  /** The archive as a layout directory, copied by skopeo, which checks every digest. */
  async layout(): Promise<string> {
    const layout = join(this.#directory, 'layout');
    if (existsSync(layout)) return layout;
    const from = `oci-archive:${this.#archive}`;
    await output('skopeo', ['--insecure-policy', 'copy', '-q', from, `oci:${layout}:image`]);
    return layout;
  }

  /** The configuration as skopeo shows it. */
  async config(): Promise<ImageFacts> {
    const shown = await output('skopeo', ['inspect', '--config', `oci-archive:${this.#archive}`]);
    return JSON.parse(shown).config;
  }

  /** What the schemas of the image specification have against any document of the archive. */
  async schemaErrors(): Promise<readonly string[]> {
    const layout = join(this.#directory, 'as-written');
    mkdirSync(layout);
    await output('tar', ['-xf', this.#archive, '-C', layout]);
    const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8'));
    const blob = (digest: string) => read(`blobs/${digest.replace(':', '/')}`);
    const index = read('index.json');
    const found = [
      schemaErrors('image-layout-schema.json', read('oci-layout')),
      schemaErrors('image-index-schema.json', index),
    ];
    for (const { digest } of index.manifests) {
      const manifest = blob(digest);
      found.push(schemaErrors('image-manifest-schema.json', manifest));
      found.push(schemaErrors('config-schema.json', blob(manifest.config.digest)));
    }
    return found.flatMap((error) => error ?? []);
  }

  /** The bundle that umoci makes of the image. */
  async bundle(): Promise<string> {
    const bundle = join(this.#directory, 'bundle');
    if (existsSync(bundle)) return bundle;
    await output('umoci', ['unpack', '--image', `${await this.layout()}:image`, bundle]);
    // Now: runc makes mount points in it.
    this.#tree = treeFacts(join(bundle, 'rootfs'));
    return bundle;
  }

  /** The image's files as umoci applies its layers. */
  async treeByUmoci(): Promise<readonly unknown[]> {
    await this.bundle();
    return this.#tree;
  }

  /** The image's files as forge applies its layers, in a store that has seen nothing else. */
  async treeByForge(): Promise<readonly unknown[]> {
    const fresh = emptyWorkshop(join(this.#directory, 'forge'));
    mkdirSync(fresh.directory);
    await fresh.done(['load', '-i', this.#archive, '-t', 'image']);
    const [tar, tree] = [join(fresh.directory, 'tree.tar'), join(fresh.directory, 'tree')];
    await fresh.done(['build', '-o', `type=tar,dest=${tar}`, '-'], { stdin: 'FROM image\n' });
    mkdirSync(tree);
    const keepAll = ['--numeric-owner', '--same-permissions', '--xattrs', '--xattrs-include=*'];
    await output('tar', [...keepAll, '-xf', tar, '-C', tree]);
    return treeFacts(tree);
  }

  /** Runs the image's own command, or another, by runc from umoci's bundle. */
  async runByRunc(argv?: readonly string[]): Promise<CommandResult> {
    const bundle = await this.bundle();
    const path = join(bundle, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    config.process.terminal = false;
    // umoci asks for more open files than a machine may allow.
    config.process.rlimits = [];
    if (argv) config.process.args = argv;
    writeFileSync(path, JSON.stringify(config));
    const id = `forge-e2e-${process.pid}-${Date.now()}`;
    return run('runc', ['--root', join(this.#directory, 'runc'), 'run', '--bundle', bundle, id]);
  }

  /** Loads the archive by podman and runs it there, with these arguments. */
  async runByPodman(...argv: readonly string[]): Promise<CommandResult> {
    // Elsewhere: podman takes no longer paths than fifty characters.
    const home = makeTestDirectory();
    try {
      return await this.#runByPodman(home, argv);
    } finally {
      removeTestDirectory(home);
    }
  }

  async #runByPodman(home: string, argv: readonly string[]): Promise<CommandResult> {
    const places = ['root', 'runroot', 'tmpdir'].map((name) => `--${name}=${join(home, name)}`);
    // crun, podman's own choice, refuses machines with hybrid cgroups.
    const how = ['--storage-driver=overlay', '--runtime=runc', '--cgroup-manager=cgroupfs'];
    const podman = [...places, ...how, '--events-backend=none'];
    const loaded = await output('podman', [...podman, 'load', '-q', '-i', this.#archive]);
    const image = loaded.trim().replace(/^Loaded image: /, '');
    const limits = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024', '--log-driver=none'];
    return run('podman', [...podman, 'run', '--rm', ...limits, '--network=none', image, ...argv]);
  }
}
