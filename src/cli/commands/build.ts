import { ForgeError } from '../../core/index.js';
import { createProgress, type ProgressMode } from '../../progress/index.js';
import { buildRequest } from '../arguments/build-request.js';
import { defineCommand } from '../command.js';
import { hasColour } from '../context.js';
import { EXIT, exitCodeOf } from '../exit-code.js';
import type { OptionValues } from '../option-spec.js';
import { renderErrorJson } from '../render-error.js';
import { buildSpec } from '../specs/build.js';

function progressMode({ quiet, progress }: OptionValues<typeof buildSpec>): ProgressMode {
  if (!quiet) return progress;
  if (progress === 'auto' || progress === 'quiet') return 'quiet';
  throw new ForgeError('user/usage', `progress=${progress} and quiet cannot be used together`);
}

export const buildCommand = defineCommand(buildSpec, async (parsed, context) => {
  const mode = progressMode(parsed.values);
  try {
    const request = buildRequest(parsed, context);
    const takesStdout = request.outputs.some(
      (output) => 'destination' in output && output.destination.kind === 'stdout',
    );
    const progress = createProgress({
      mode,
      output: context.stderr,
      resultOutput: takesStdout ? undefined : context.stdout,
      hasColour: hasColour(context),
    });
    const { build } = await import('../wire.js');
    try {
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
  } catch (error) {
    if (mode !== 'json') throw error;
    const cause = context.signal.aborted ? context.signal.reason : error;
    const exitCode = exitCodeOf(cause, false);
    context.stderr.write(renderErrorJson(cause, exitCode));
    return exitCode;
  }
  return EXIT.done;
});
