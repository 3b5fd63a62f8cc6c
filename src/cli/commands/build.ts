import type { BuildRequest } from '../../build/index.js';
import { ForgeError } from '../../core/index.js';
import { createProgress, type ProgressMode } from '../../progress/index.js';
import { buildRequest } from '../arguments/build-request.js';
import { defineCommand } from '../command.js';
import { type CliContext, hasColour } from '../context.js';
import { EXIT, exitCodeOf } from '../exit-code.js';
import type { OptionValues } from '../option-spec.js';
import { renderErrorJson } from '../render-error.js';
import { reportError } from '../report-error.js';
import { buildSpec } from '../specs/build.js';

function progressMode({ quiet, progress }: OptionValues<typeof buildSpec>): ProgressMode {
  if (!quiet) return progress;
  if (progress === 'auto' || progress === 'quiet') return 'quiet';
  throw new ForgeError('user/usage', `progress=${progress} and quiet cannot be used together`);
}

/** Says what went wrong the way the chosen progress says things; gives the exit code. */
function report(
  thrown: unknown,
  mode: ProgressMode,
  directories: readonly string[],
  context: CliContext,
): number {
  const error = context.signal.aborted ? context.signal.reason : thrown;
  const exitCode = exitCodeOf(error, false);
  if (mode === 'json') context.stderr.write(renderErrorJson(error, exitCode));
  else reportError(error, context, directories);
  return exitCode;
}

async function runBuild(request: BuildRequest, mode: ProgressMode, context: CliContext): Promise<void> {
  const takesStdout = request.outputs.some(
    (output) => 'destination' in output && output.destination.kind === 'stdout',
  );
  const progress = createProgress({
    mode,
    output: context.stderr,
    resultOutput: takesStdout ? undefined : context.stdout,
    hasColour: hasColour(context),
  });
  try {
    const { build } = await import('../wire.js');
    await build(request, {
      events: progress.sink,
      signal: context.signal,
      stdin: context.stdin,
      stdout: context.stdout.stream,
      stderr: context.stderr.stream,
    });
  } finally {
    progress.close();
  }
}

export const buildCommand = defineCommand(buildSpec, async (parsed, context) => {
  const mode = progressMode(parsed.values);
  const directories: string[] = [];
  try {
    const request = buildRequest(parsed, context);
    if (request.context.kind === 'directory') directories.push(request.context.path);
    await runBuild(request, mode, context);
    return EXIT.done;
  } catch (error) {
    return report(error, mode, directories, context);
  }
});
