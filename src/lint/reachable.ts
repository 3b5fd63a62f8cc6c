import { type Buildfile, parseMount } from '../buildfile/index.js';
import { ForgeError } from '../core/index.js';
import { findStage, targetStage } from '../graph/index.js';
import type { LintOptions, StageFacts } from './types.js';

/** The `from` names in one stage: COPY --from and mounts. */
function fromNames(stage: StageFacts['stage']): readonly string[] {
  return stage.instructions.flatMap((instruction) => {
    if (instruction.kind === 'COPY') return instruction.from ?? [];
    return instruction.kind === 'RUN' ? instruction.mounts.flatMap((raw) => mountFrom(raw) ?? []) : [];
  });
}

/** `from` is never expanded, so it is known before variables are. */
function mountFrom(raw: string): string | undefined {
  try {
    return parseMount(raw).from;
  } catch (error) {
    if (error instanceof ForgeError) return undefined;
    throw error;
  }
}

/** The stages that a stage is made from. */
export function stageInputs(buildfile: Buildfile, { stage, index, base }: StageFacts): readonly number[] {
  const { stages } = buildfile;
  const named = [base.text, ...fromNames(stage)].map((name) => {
    if (/^\d+$/.test(name) && name !== base.text) return Number(name) < index ? Number(name) : undefined;
    return findStage(stages, name, index);
  });
  return named.filter((input) => input !== undefined);
}

/** The stages that are examined, in the order of the file. */
export function examinedStages(
  buildfile: Buildfile,
  { scope, target }: Pick<LintOptions, 'scope' | 'target'>,
  stages: readonly StageFacts[],
): readonly number[] {
  if (scope === 'all') return stages.map(({ index }) => index);
  return [...neededStages(buildfile, targetStage(buildfile.stages, target), stages)].sort((a, b) => a - b);
}

/** The stages that `target` needs, itself included. */
function neededStages(
  buildfile: Buildfile,
  target: number,
  stages: readonly StageFacts[],
): ReadonlySet<number> {
  const needed = new Set([target]);
  // The set grows while it is walked.
  for (const index of needed) {
    const facts = stages[index];
    if (facts !== undefined) for (const input of stageInputs(buildfile, facts)) needed.add(input);
  }
  return needed;
}
