import { randomUUID } from 'node:crypto';
import { type Digest, digestOf, ForgeError } from '../core/index.js';
import {
  explainMiss,
  type FileState,
  hashParts,
  type KeyPart,
  keyParts,
  type Step,
  stepInputs,
} from '../graph/index.js';
import type { SnapshotId } from '../store/index.js';
import { contextSnapshot } from './context-snapshot.js';
import { contextContent, copyContent, mountContents } from './copy-content.js';
import { Semaphore } from './semaphore.js';
import type { FetchedSource, SolveEnvironment, Solving, StepResult } from './types.js';

const SCRATCH_IDENTITY = digestOf('scratch');
const HOST_IDENTITY = digestOf('host');

/**
 * Turns file states into snapshots: a record in the store is taken, a miss is executed. Every
 * state is solved at most once per solver; independent states run side by side.
 *
 * A step is looked up by its definition first, with the identities of its inputs; when an input
 * had to be made, by the content it takes from it (docs/architecture.md, "Cache").
 */
export class Solver implements Solving {
  readonly fetched = new Map<string, Promise<FetchedSource>>();
  readonly #definitions = new Map<FileState, Promise<Definition>>();
  readonly #contentDigests = new Map<Step, Promise<readonly string[]>>();
  readonly #keys = new Map<Step, Promise<StepKey>>();
  readonly #results = new Map<Step, Promise<StepResult>>();
  readonly #bases = new Map<FileState, Promise<readonly SnapshotId[]>>();
  readonly #slots: Semaphore;

  constructor(
    readonly environment: SolveEnvironment,
    readonly signal: AbortSignal,
  ) {
    this.#slots = new Semaphore(environment.jobs);
  }

  /** Starts every step of a chain, bottom first; those that wait for nothing run at once. */
  start(state: FileState): readonly Promise<StepResult>[] {
    return stepsOf(state).map((step) => this.#step(step));
  }

  /** One step: from the store, or executed now. */
  #step(step: Step): Promise<StepResult> {
    let result = this.#results.get(step);
    if (!result) {
      result = this.#solve(step);
      // A rejection is reported by whoever waits for the chain; it must not end the process first.
      result.catch(() => undefined);
      this.#results.set(step, result);
    }
    return result;
  }

  /** The snapshots that show a state, bottom first. */
  async snapshots(state: FileState): Promise<readonly SnapshotId[]> {
    const steps = stepsOf(state);
    const root = steps[0]?.parent ?? state;
    const [base, results] = await Promise.all([this.#base(root), Promise.all(this.start(state))]);
    return [...base, ...results.flatMap(({ snapshot }) => snapshot ?? [])];
  }

  #base(state: FileState): Promise<readonly SnapshotId[]> {
    let base = this.#bases.get(state);
    if (!base) {
      base = this.#unpackBase(state);
      this.#bases.set(state, base);
    }
    return base;
  }

  async #unpackBase(state: FileState): Promise<readonly SnapshotId[]> {
    switch (state.kind) {
      case 'image':
        return this.environment.image(state).unpack(this.signal);
      case 'context':
        return [await contextSnapshot(this.environment, state.name, '/', this.signal)];
      case 'scratch':
        return [];
      case 'host':
      case 'step':
        throw new ForgeError('bug/base-state', `a ${state.kind} is no base`);
    }
  }

  /** What identifies a state's file system without making it, as far as that is possible. */
  async identity(state: FileState): Promise<Digest> {
    switch (state.kind) {
      case 'scratch':
        return SCRATCH_IDENTITY;
      case 'host':
        return HOST_IDENTITY;
      case 'image':
        return this.environment.image(state).identity;
      case 'context':
        return contextContent(this, state.name);
      case 'step':
        return (await this.#key(state)).identity;
    }
  }

  #key(step: Step): Promise<StepKey> {
    let key = this.#keys.get(step);
    if (!key) {
      key = this.#computeKey(step);
      key.catch(() => undefined);
      this.#keys.set(step, key);
    }
    return key;
  }

  async #computeKey(step: Step): Promise<StepKey> {
    const fromSteps = stepInputs(step).some((input) => input.kind === 'step');
    const definition = fromSteps ? await this.#definition(step) : undefined;
    const known = definition && !definition.ignoresCache ? await this.#alias(definition.digest) : undefined;
    const [parentIdentity, contents] = await Promise.all([
      this.identity(step.parent),
      known ? [] : this.#contents(step),
    ]);
    const linked = step.operation.kind === 'copy' && step.operation.link;
    const parts = keyParts(step, { ...(linked ? {} : { parent: parentIdentity }), contents });
    const key = known ?? hashParts(parts);
    // Also when the cache is not looked at: the definition now leads to what is made here.
    if (definition && !known) await this.#putAlias(definition.digest, parts, key);
    const recorded = step.ignoreCache ? undefined : await this.#recorded(key);
    // What is executed in spite of a record is something new: what builds on it is not in the cache.
    const fresh = step.ignoreCache ? digestOf(`${key} ${randomUUID()}`) : key;
    const own = recorded?.identity ?? fresh;
    const identity = linked ? digestOf(`link ${parentIdentity} ${own}`) : own;
    return { key, parts, own, identity, ...(recorded ? { recorded } : {}) };
  }

  /** A state's key by definition alone: nothing has to be made for it but hashes of contexts. */
  #definition(state: FileState): Promise<Definition> {
    let definition = this.#definitions.get(state);
    if (!definition) {
      definition = this.#computeDefinition(state);
      definition.catch(() => undefined);
      this.#definitions.set(state, definition);
    }
    return definition;
  }

  async #computeDefinition(state: FileState): Promise<Definition> {
    if (state.kind !== 'step') return { digest: await this.identity(state), ignoresCache: false };
    const inputs = stepInputs(state);
    const fromSteps = inputs.some((input) => input.kind === 'step');
    const [parent, ...others] = await Promise.all(
      [state.parent, ...inputs].map((input) => this.#definition(input)),
    );
    const contents = fromSteps
      ? others.map(({ digest }) => `defined by ${digest}`)
      : await this.#contents(state);
    const digest = hashParts(keyParts(state, { ...(parent ? { parent: parent.digest } : {}), contents }));
    const ignoresCache = state.ignoreCache || [parent, ...others].some((one) => one?.ignoresCache);
    return { digest, ignoresCache };
  }

  /** The content key that a definition key led to before, if its result is still there. */
  async #alias(definition: Digest): Promise<Digest | undefined> {
    const record = await this.environment.store.records.get(definition);
    if (record?.result.kind !== 'alias') return undefined;
    return (await this.#recorded(record.result.key)) ? record.result.key : undefined;
  }

  async #putAlias(key: Digest, parts: readonly KeyPart[], target: Digest): Promise<void> {
    const result = { kind: 'alias', key: target } as const;
    await this.environment.store.records.put({ key, parts, createdMs: Date.now(), result });
  }

  /** Digests of what the step takes from other states, which are made when they have to be. */
  #contents(step: Step): Promise<readonly string[]> {
    let contents = this.#contentDigests.get(step);
    if (!contents) {
      contents = this.#computeContents(step);
      contents.catch(() => undefined);
      this.#contentDigests.set(step, contents);
    }
    return contents;
  }

  async #computeContents(step: Step): Promise<readonly string[]> {
    const { operation } = step;
    if (operation.kind === 'copy') return [await copyContent(this, step, operation)];
    if (operation.kind === 'run') return mountContents(this, step, operation);
    return [];
  }

  async #solve(step: Step): Promise<StepResult> {
    const { key, parts, own, identity, recorded } = await this.#key(step);
    const { store, events } = this.environment;
    if (recorded) return this.#hit(step, identity, recorded);
    await using _lock = await store.locks.acquire(`step-${key}`, 'exclusive', this.signal);
    const meanwhile = step.ignoreCache ? undefined : await this.#recorded(key);
    if (meanwhile) return this.#hit(step, identity, meanwhile);
    const nearest = await store.records.nearest(step.lineage);
    const lowers = await this.snapshots(step.parent);
    await using _slot = await this.#slots.acquire(this.signal);
    const reason = step.ignoreCache ? 'the cache is not used' : nearest && explainMiss(parts, nearest.parts);
    if (reason !== undefined) events({ type: 'step-missed', id: step.id, reason });
    const { executeStep } = await import('./execute.js');
    const snapshot = await executeStep(this, step, lowers);
    const made = snapshot === undefined ? {} : { snapshot };
    const createdMs = Date.now();
    const result = { kind: 'snapshot', identity: own, ...made } as const;
    await store.records.put({ key, parts, createdMs, result }, step.lineage);
    return { step, identity, createdMs, cached: false, ...made };
  }

  #hit(step: Step, identity: Digest, { snapshot, createdMs }: Recorded): StepResult {
    this.environment.events({ type: 'step-cached', id: step.id, atMs: Date.now() });
    return { step, identity, createdMs, cached: true, ...(snapshot === undefined ? {} : { snapshot }) };
  }

  async #recorded(key: Digest): Promise<Recorded | undefined> {
    const { records, snapshots } = this.environment.store;
    const record = await records.get(key);
    if (record?.result.kind !== 'snapshot') return undefined;
    const { createdMs } = record;
    const { snapshot, identity } = record.result;
    if (snapshot === undefined) return { identity, createdMs };
    return (await snapshots.exists(snapshot)) ? { identity, snapshot, createdMs } : undefined;
  }
}

/** A step's result as a record has it. */
interface Recorded {
  readonly identity: Digest;
  readonly snapshot?: SnapshotId;
  readonly createdMs: number;
}

interface Definition {
  readonly digest: Digest;
  /** Something it is made of is to be executed whatever the cache has. */
  readonly ignoresCache: boolean;
}

interface StepKey {
  readonly key: Digest;
  readonly parts: readonly KeyPart[];
  /** Identity of the step's own change; with --link the parent's comes on top. */
  readonly own: Digest;
  readonly identity: Digest;
  readonly recorded?: Recorded;
}

/** The steps of a chain, bottom first. */
export function stepsOf(state: FileState): readonly Step[] {
  const steps: Step[] = [];
  for (let node = state; node.kind === 'step'; node = node.parent) steps.push(node);
  return steps.reverse();
}
