import { ForgeError } from '../../core/index.js';
import { loadAddon } from '../../native/index.js';
import { runRequest } from '../arguments/run-request.js';
import { defineCommand } from '../command.js';
import type { CliContext } from '../context.js';
import { runSpec } from '../specs/run.js';
import type { AttachedContainer } from '../wire.js';

const STDIN = 0;

/** Keys go to the container as they are typed, Ctrl-C among them; gives back how to undo it. */
function makeRaw(context: CliContext): () => void {
  const { stdin } = context;
  if (!stdin.isTTY) return () => undefined;
  stdin.setRawMode(true);
  // The container's own terminal has made its line ends already.
  loadAddon().passOutput(STDIN);
  const undo = () => void stdin.setRawMode(false);
  process.once('exit', undo);
  return () => {
    process.off('exit', undo);
    undo();
  };
}

/** Keeps the container's terminal as large as ours. */
function followSize(container: AttachedContainer, context: CliContext): void {
  const { stdout } = context;
  if (!stdout.isTerminal) return;
  const resize = () => container.resize(stdout.columns, stdout.rows);
  resize();
  stdout.stream.on('resize', resize);
}

export const runCommand = defineCommand(runSpec, async (parsed, context) => {
  const request = runRequest(parsed, context);
  const { interactive, terminal } = request;
  if (interactive && terminal && !context.stdin.isTTY) {
    throw new ForgeError('user/not-a-terminal', 'the input device is not a TTY', {
      hint: 'leave -t out to feed standard input from a pipe or a file',
    });
  }
  const { run } = await import('../wire.js');
  const restore = interactive && terminal ? makeRaw(context) : () => undefined;
  try {
    return await run(request, {
      events: () => undefined,
      signal: context.signal,
      stdin: context.stdin,
      stdout: context.stdout.stream,
      stderr: context.stderr.stream,
      attach: (container) => {
        context.takeSignals((name) => container.signal(name));
        if (terminal) followSize(container, context);
      },
    });
  } finally {
    restore();
  }
});
