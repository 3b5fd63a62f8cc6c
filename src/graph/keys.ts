import { createHash } from 'node:crypto';
import type { Digest } from '../core/index.js';
import type { CopyOperation, CopySource, RunOperation, Step, StepMount } from './types.js';

/** One named part of a cache key: a miss is explained by comparing parts. */
export interface KeyPart {
  readonly name: string;
  readonly value: string;
}

/** The identities and content digests that a step's key is made of besides its own definition. */
export interface KeyInputs {
  /** Identity of the file system that the step starts from; absent for COPY --link. */
  readonly parent?: Digest;
  /** Digest of what COPY takes, or of what each bind mount shows, in the order written. */
  readonly contents: readonly string[];
}

/** Changes when a new forge would make other bytes of the same step. */
const KEY_VERSION = '1';

/**
 * sha256 over the parts, every name and value preceded by its length, so that no two lists of
 * parts run together (attack case F1).
 */
export function hashParts(parts: readonly KeyPart[]): Digest {
  const hash = createHash('sha256');
  const add = (text: string) => {
    const bytes = Buffer.from(text);
    hash.update(`${bytes.length}:`).update(bytes);
  };
  for (const { name, value } of parts) {
    add(name);
    add(value);
  }
  return `sha256:${hash.digest('hex')}` as Digest;
}

function part(name: string, value: unknown): readonly KeyPart[] {
  if (value === undefined || value === '' || value === false) return [];
  return [{ name, value: typeof value === 'string' ? value : JSON.stringify(value) }];
}

/** The definition of a mount without its contents, secrets or cache state. */
function mountDefinition(mount: StepMount): string {
  const { from: _from, ...rest } = { from: undefined, ...mount };
  return JSON.stringify(rest, Object.keys(rest).sort());
}

function runParts(operation: RunOperation): readonly KeyPart[] {
  return [
    ...part('command', operation.argv),
    ...operation.env.map((entry) => {
      const equals = entry.indexOf('=');
      return { name: `variable ${entry.slice(0, equals)}`, value: entry.slice(equals + 1) };
    }),
    ...part('working directory', operation.cwd),
    ...part('user', operation.user),
    ...part('network', operation.network === 'default' ? undefined : operation.network),
    ...part('security', operation.insecure ? 'insecure' : undefined),
    ...part('script', operation.script?.content),
    ...operation.mounts.map((mount, index) => ({
      name: `mount ${index + 1}`,
      value: mountDefinition(mount),
    })),
  ];
}

function sourceName(source: CopySource): string {
  if (source.kind === 'inline') return `<<${source.name}`;
  return source.kind === 'path' ? source.path : source.url;
}

function copyParts(operation: CopyOperation): readonly KeyPart[] {
  return [
    ...part('sources', operation.sources.map(sourceName)),
    ...operation.sources.flatMap((source) =>
      source.kind === 'inline' ? part(`heredoc ${source.name}`, source.content) : [],
    ),
    ...part('destination', operation.destination),
    ...part('chown', operation.chown),
    ...part('chmod', operation.chmod),
    ...part('link', operation.link),
    ...part('parents', operation.parents),
    ...part('exclude', operation.exclude.length > 0 ? operation.exclude : undefined),
    ...part('unpack', operation.unpack === undefined ? undefined : String(operation.unpack)),
    ...part('keep git directory', operation.keepGitDir),
    ...part('libraries', operation.withLibs),
    ...(operation.withLibs ? part('library environment', operation.env) : []),
  ];
}

function operationParts(step: Step): readonly KeyPart[] {
  const { operation } = step;
  switch (operation.kind) {
    case 'run':
      return [...part('instruction', 'RUN'), ...runParts(operation)];
    case 'copy':
      return [...part('instruction', operation.instruction), ...copyParts(operation)];
    case 'workdir':
      return [
        ...part('instruction', 'WORKDIR'),
        ...part('path', operation.path),
        ...part('user', operation.user),
        ...part('SOURCE_DATE_EPOCH', operation.createdSeconds),
      ];
  }
}

/** What a content digest is called when a miss is explained. */
function contentName(step: Step, index: number): string {
  if (step.operation.kind === 'copy') return 'files';
  return `files of mount ${index + 1}`;
}

/** The named parts of a step's key, in a fixed order. */
export function keyParts(step: Step, inputs: KeyInputs): readonly KeyPart[] {
  return [
    { name: 'version', value: KEY_VERSION },
    { name: 'platform', value: JSON.stringify(step.platform) },
    ...operationParts(step),
    ...inputs.contents.map((value, index) => ({ name: contentName(step, index), value })),
    ...(inputs.parent ? [{ name: 'parent', value: inputs.parent }] : []),
  ];
}

/** Says in a user's words what differs between two lists of parts; the first difference decides. */
export function explainMiss(now: readonly KeyPart[], before: readonly KeyPart[] | undefined): string {
  if (!before) return 'never built before';
  const old = new Map(before.map((entry) => [entry.name, entry.value]));
  const changed = now.filter((entry) => old.get(entry.name) !== entry.value);
  const gone = before.filter((entry) => !now.some((other) => other.name === entry.name));
  const own = changed.find((entry) => entry.name !== 'parent');
  if (own) return describeChange(own, old.get(own.name));
  if (gone[0]) return `${gone[0].name} was removed`;
  if (changed.length > 0) return 'an earlier step changed';
  return 'its result is no longer in the store';
}

function describeChange(part: KeyPart, before: string | undefined): string {
  const short = (text: string) => (text.length > 60 ? `${text.slice(0, 57)}...` : text);
  if (part.name.startsWith('files')) return `${part.name} changed`;
  if (before === undefined) return `${part.name} was added: ${short(part.value)}`;
  return `${part.name}: ${short(before)} → ${short(part.value)}`;
}
