import { ForgeError, parseReference } from '../../core/index.js';
import { referenceUrl } from '../rule-url.js';
import type { LintRule } from '../types.js';

function isReference(name: string): boolean {
  try {
    parseReference(name);
    return true;
  } catch (error) {
    if (error instanceof ForgeError) return false;
    throw error;
  }
}

export const invalidDefaultArgInFrom: LintRule = {
  name: 'InvalidDefaultArgInFrom',
  description: 'Default value for global ARG results in an empty or invalid base image name',
  url: referenceUrl('invalid-default-arg-in-from'),

  *find({ stages }) {
    for (const { stage, defaultBase } of stages) {
      if (defaultBase === undefined || isReference(defaultBase)) continue;
      const message = `Default value for ARG ${stage.base} results in empty or invalid base image name`;
      yield { message, source: stage.source };
    }
  },
};
