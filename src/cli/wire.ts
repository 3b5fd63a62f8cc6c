import type { BuildRequest, BuildResult, Caller, RunRequest } from '../build/types.js';
import { ForgeError } from '../core/index.js';

/** A started container, for whoever holds its terminal and gets its signals. */
export interface AttachedContainer {
  signal(name: string): void;
  resize(columns: number, rows: number): void;
}

export interface RunCaller extends Caller {
  /** Called once, when the container has started: from now on signals go to it. */
  attach(container: AttachedContainer): void;
}

/** Builds; failures are ForgeErrors. */
export async function build(_request: BuildRequest, _caller: Caller): Promise<BuildResult> {
  throw new ForgeError('bug/unexpected', 'forge build is not wired');
}

/** Runs a container to its end; resolves to the command's exit code, 128 + N for signal N. */
export async function run(_request: RunRequest, _caller: RunCaller): Promise<number> {
  throw new ForgeError('bug/unexpected', 'forge run is not wired');
}
