import { formatPlatform } from '../../core/index.js';
import type { LintRule } from '../types.js';

export const invalidBaseImagePlatform: LintRule = {
  name: 'InvalidBaseImagePlatform',
  description: 'Base image platform does not match expected target platform',
  url: '',

  *find({ stages }) {
    for (const { stage, image } of stages) {
      if (image === undefined) continue;
      const { name, expected, actual } = image;
      if (expected.os === actual.os && expected.architecture === actual.architecture) continue;
      const [pulled, wanted] = [actual, expected].map((platform) => JSON.stringify(formatPlatform(platform)));
      const message = `Base image ${name} was pulled with platform ${pulled}, expected ${wanted} for current build`;
      yield { message, source: stage.source };
    }
  },
};
