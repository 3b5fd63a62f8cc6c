import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BuildRequest, ContextSpec } from '../../build/index.js';
import {
  ForgeError,
  hostPlatform,
  type Platform,
  parsePlatform,
  parseReference,
  prefixed,
} from '../../core/index.js';
import { parseOutputs, refuseUnsafeDelete } from '../../export/index.js';
import type { CliContext } from '../context.js';
import type { Parsed } from '../option-spec.js';
import type { buildSpec } from '../specs/build.js';
import { storeRoot } from '../store-root.js';
import { parseBuildContexts } from './build-contexts.js';
import { defined } from './defined.js';
import { parseHost } from './hosts.js';
import { givenLimits, parseUlimit } from './limits.js';
import { fromEnvironment, orEmpty } from './name-values.js';
import { parseSecret } from './secrets.js';

const ENTITLEMENTS = ['host', 'network.host', 'security.insecure', 'buildx.local.delete'];

function contextSpec(operand: string, cwd: string): ContextSpec {
  if (operand === '-') return { kind: 'stdin' };
  const path = resolve(cwd, operand);
  const isUrl = /^(?:https?|git|ssh):\/\/|^git@|^github\.com\//.test(operand);
  return isUrl && !existsSync(path) ? { kind: 'url', url: operand } : { kind: 'directory', path };
}

function checkTag(tag: string): string {
  try {
    if (!tag.includes('@') && parseReference(tag)) return tag;
  } catch (error) {
    const hint = error instanceof ForgeError ? error.hint : undefined;
    throw new ForgeError('user/tag', `invalid tag ${JSON.stringify(tag)}: invalid reference format`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  throw new ForgeError(
    'user/tag',
    `invalid tag ${JSON.stringify(tag)}: a new image is not named by a digest`,
  );
}

function checkEntitlement(name: string): string {
  if (ENTITLEMENTS.includes(name)) return name;
  throw new ForgeError('user/usage', `unknown entitlement ${name}`, {
    hint: `--allow is one of ${ENTITLEMENTS.join(', ')}`,
  });
}

function platforms(texts: readonly string[]): readonly Platform[] {
  const words = texts.flatMap((text) => text.split(',')).map((text) => text.trim());
  return words
    .filter((text) => text !== '')
    .map((text) => (text === 'local' ? hostPlatform() : targetPlatform(text)));
}

function targetPlatform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw prefixed(error, `failed to parse target platform ${text}`);
  }
}

function outputs(parsed: Parsed<typeof buildSpec>, cwd: string): BuildRequest['outputs'] {
  const specs = parseOutputs(parsed.values.output);
  const mayDelete = parsed.values.allow.includes('buildx.local.delete');
  for (const spec of specs) refuseUnsafeDelete(spec, cwd, mayDelete);
  return specs.map((spec) => {
    if ('directory' in spec) return { ...spec, directory: resolve(cwd, spec.directory) };
    if (!('destination' in spec) || spec.destination.kind === 'stdout') return spec;
    return { ...spec, destination: { kind: 'file' as const, path: resolve(cwd, spec.destination.path) } };
  });
}

/** What cannot be said at once. */
function refuseConflicts({ values, operands }: Parsed<typeof buildSpec>): void {
  if (values.file === '-' && operands[0] === '-') {
    throw new ForgeError(
      'user/usage',
      "invalid argument: can't use stdin for both build context and dockerfile",
    );
  }
  if (values['no-cache'] && values['no-cache-filter'].length > 0) {
    throw new ForgeError('user/usage', '--no-cache and --no-cache-filter cannot currently be used together');
  }
  if (values.jobs === 0) throw new ForgeError('user/usage', '--jobs 0 would let nothing run');
}

/** The request that a `forge build` command line stands for; `user/…` errors say what is wrong with it. */
export function buildRequest(parsed: Parsed<typeof buildSpec>, context: CliContext): BuildRequest {
  refuseConflicts(parsed);
  const { values, operands } = parsed;
  const { cwd, env } = context;
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(cwd, path));
  return {
    context: contextSpec(operands[0] ?? '.', cwd),
    tags: values.tag.map(checkTag),
    outputs: outputs(parsed, cwd),
    buildArgs: fromEnvironment(values['build-arg'], 'build argument', env),
    labels: orEmpty(values.label, 'label'),
    buildContexts: parseBuildContexts(values['build-context']),
    allow: values.allow.map(checkEntitlement),
    secrets: values.secret.map((text) => parseSecret(text, context)),
    platforms: platforms(values.platform),
    noCache: values['no-cache'],
    noCacheFilter: values['no-cache-filter'].flatMap((text) => text.split(',')),
    network: values.network,
    addHosts: values['add-host'].map(parseHost),
    limits: givenLimits(values),
    ulimits: values.ulimit.map(parseUlimit),
    root: storeRoot(values.root, context),
    ...defined({
      file: values.file === '-' ? '-' : absolute(values.file),
      target: values.target,
      hostname: values.hostname,
      shmSizeBytes: values['shm-size'],
      jobs: values.jobs,
      iidFile: absolute(values.iidfile),
      metadataFile: absolute(values['metadata-file']),
    }),
  };
}
