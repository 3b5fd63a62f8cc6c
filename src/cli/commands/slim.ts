import { posix, resolve } from 'node:path';
import { renderMissing } from '../../closure/index.js';
import { ForgeError, parseReference } from '../../core/index.js';
import { type OutputSpec, parseOutput } from '../../export/index.js';
import { formatBytes, neutralise } from '../../progress/index.js';
import { defineCommand } from '../command.js';
import { withTransfers } from '../command-progress.js';
import type { CliContext } from '../context.js';
import { EXIT } from '../exit-code.js';
import type { OptionValues } from '../option-spec.js';
import { slimSpec } from '../specs/slim.js';
import { storeRoot } from '../store-root.js';
import { findImage } from '../stored-image.js';
import type { SlimReport } from '../wire.js';
import { withStore } from '../with-store.js';

type Values = OptionValues<typeof slimSpec>;

function outputOf({ output, tag }: Values, cwd: string): OutputSpec {
  if (output === undefined && tag.length === 0) {
    throw new ForgeError('user/usage', 'where the image goes is not said', {
      hint: 'give it a name with --tag, or write it with --output',
    });
  }
  const spec = parseOutput(output ?? 'type=image,compression=uncompressed');
  const names = tag.length === 0 ? {} : { names: tag.map(parseReference) };
  const named = 'image' in spec ? { ...spec, image: { ...spec.image, ...names } } : spec;
  if ('directory' in named) return { ...named, directory: resolve(cwd, named.directory) };
  if (!('destination' in named) || named.destination.kind === 'stdout') return named;
  return { ...named, destination: { kind: 'file', path: resolve(cwd, named.destination.path) } };
}

const SHOWN = 50;

function checkLines({ command, originalCode, reducedCode, lacking, stderr }: SlimReport['checks'][number]) {
  const how = (code: number) => (code === 124 ? 'ran until it was stopped' : `ended with ${code}`);
  const shown = lacking
    .slice(0, SHOWN)
    .map((path) => `  read in the original, not in the new image: ${path}`);
  const more = lacking.length > SHOWN ? [`  and ${lacking.length - SHOWN} more`] : [];
  const failed = originalCode !== reducedCode;
  return [
    `${failed ? 'FAILED' : 'checked'} ${command.join(' ')}: ${how(reducedCode)}${failed ? `, the original ${how(originalCode)}` : ''}`,
    ...shown,
    ...more,
    ...(failed
      ? stderr
          .split('\n')
          .filter(Boolean)
          .map((line) => `  ${line}`)
      : []),
  ];
}

function render(report: SlimReport): string {
  const { closure, data, trees, originalBytes, reducedBytes, checks, output } = report;
  const lines = [
    `data: ${data.length === 0 ? 'none' : data.join(', ')}`,
    ...trees.map((tree) => `kept whole: ${tree}`),
    ...closure.missing.map((item) => `missing in the original, too: ${renderMissing(item)}`),
    ...checks.flatMap(checkLines),
    `${formatBytes(originalBytes)} → ${formatBytes(reducedBytes)}, ${output}`,
  ];
  return lines.map((line) => `${line.split('\n').map(neutralise).join('\n')}\n`).join('');
}

function imageOf(name: string, root: string | undefined, context: CliContext) {
  return withStore(root, context, async (store) => (await findImage(store, name)).root);
}

export const slimCommand = defineCommand(slimSpec, async ({ values, operands: [name = ''] }, context) => {
  const output = outputOf(values, context.cwd);
  const descriptor = await imageOf(name, values.root, context);
  const { slim } = await import('../wire.js');
  const data = values['with-data'].flatMap((list) => list.split(',')).filter(Boolean);
  const report = await withTransfers(context, (events) =>
    slim(
      {
        descriptor,
        name,
        choice: {
          commands: values['target-cmd'],
          include: values.include.map((path) => posix.resolve('/', path)),
          ...(values['with-data'].length === 0 ? {} : { data }),
        },
        output,
        ...(values['no-check'] ? {} : { checkTimeoutMs: values['check-timeout'] }),
        root: storeRoot(values.root, context),
      },
      {
        events,
        signal: context.signal,
        stdin: context.stdin,
        stdout: context.stdout.stream,
        stderr: context.stderr.stream,
      },
    ),
  );
  // Standard output may be the archive.
  context.stderr.write(render(report));
  return report.checks.some((check) => check.originalCode !== check.reducedCode) ? EXIT.failed : EXIT.done;
});
