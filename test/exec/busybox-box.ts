import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BoxExit,
  type BoxProcess,
  type BoxSpec,
  createExecutor,
  DEFAULT_CAPABILITIES,
  type RunningBox,
} from '../../src/exec/index.js';

/** What a finished box said and how it ended. */
export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly exit: BoxExit;
}

export type SpecChanges = Partial<Omit<BoxSpec, 'process'>> & { readonly process?: Partial<BoxProcess> };

/** A root of busybox on disk, a fresh upper directory for each box, and an executor. */
export class BusyboxBoxes {
  readonly base = mkdtempSync('/tmp/forge-test-exec-');
  readonly executor = createExecutor();
  #count = 0;

  constructor() {
    for (const place of ['bin', 'dev', 'proc', 'sys', 'etc', 'tmp', 'mnt', 'root']) {
      mkdirSync(join(this.base, 'root', place), { recursive: true });
    }
    execFileSync('cp', ['/bin/busybox', join(this.base, 'root/bin/busybox')]);
    execFileSync('chroot', [join(this.base, 'root'), '/bin/busybox', '--install', '-s', '/bin']);
  }

  /** A fresh directory below the base. */
  directory(name: string): string {
    const path = join(this.base, `${name}-${++this.#count}`);
    mkdirSync(path);
    return path;
  }

  spec(argv: readonly string[], changes: SpecChanges = {}): BoxSpec {
    const id = ++this.#count;
    mkdirSync(join(this.base, `upper-${id}`));
    mkdirSync(join(this.base, `work-${id}`));
    return {
      name: `test-${id}`,
      root: {
        kind: 'overlay',
        base: this.base,
        lowers: ['root'],
        upper: `upper-${id}`,
        work: `work-${id}`,
        readonly: false,
      },
      mounts: [],
      hostname: 'box',
      network: 'host',
      init: false,
      limits: {},
      insecure: false,
      ...changes,
      process: {
        argv,
        env: ['PATH=/bin'],
        cwd: '/',
        uid: 0,
        gid: 0,
        additionalGids: [],
        capabilities: DEFAULT_CAPABILITIES,
        seccomp: 'default',
        noNewPrivileges: false,
        umask: 0o022,
        rlimits: [],
        terminal: false,
        ...changes.process,
      },
    };
  }

  /** Runs a shell script to its end, without input. */
  async sh(script: string, changes: SpecChanges = {}): Promise<Ran> {
    return this.run(this.spec(['sh', '-c', script], changes));
  }

  async run(spec: BoxSpec, signal = new AbortController().signal): Promise<Ran> {
    const { box, text } = await this.start(spec, signal);
    box.closeStdin();
    const exit = await box.exit;
    return { ...text(), exit };
  }

  /** Starts a box; `text` gives its output so far. */
  async start(
    spec: BoxSpec,
    signal = new AbortController().signal,
  ): Promise<{ box: RunningBox; text: () => { out: string; err: string } }> {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const output = {
      stdout: (data: Uint8Array) => void out.push(Buffer.from(data)),
      stderr: (data: Uint8Array) => void err.push(Buffer.from(data)),
    };
    const box = await this.executor.start(spec, output, signal);
    return {
      box,
      text: () => ({ out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    };
  }

  async close(): Promise<void> {
    await this.executor.close();
    rmSync(this.base, { recursive: true, force: true });
  }
}
