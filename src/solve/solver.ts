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
import { executeStep } from './execute.js';
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
    const parentIdentity = await this.identity(step.parent);
    const linked = step.operation.kind === 'copy' && step.operation.link;
    const parent = linked ? {} : { parent: parentIdentity };
    const fromSteps = stepInputs(step).some((input) => input.kind === 'step');
    const byDefinition = fromSteps ? await this.#definitionKey(step, parent) : undefined;
    const isFixed = !step.ignoreCache && !stepInputs(step).some(isMadeAnew);
    const known = byDefinition && isFixed ? await this.#alias(byDefinition) : undefined;
    const parts = keyParts(step, { ...parent, contents: known ? [] : await this.#contents(step) });
    const key = known ?? hashParts(parts);
    if (byDefinition && !known) await this.#putAlias(byDefinition, parts, key);
    const identity = linked ? digestOf(`link ${parentIdentity} ${key}`) : key;
    return { key, parts, identity };
  }

  async #definitionKey(step: Step, parent: { readonly parent?: Digest }): Promise<Digest> {
    const identities = await Promise.all(stepInputs(step).map((input) => this.identity(input)));
    const contents = identities.map((identity) => `defined by ${identity}`);
    return hashParts(keyParts(step, { ...parent, contents }));
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
  async #contents(step: Step): Promise<readonly string[]> {
    const { operation } = step;
    if (operation.kind === 'copy') return [await copyContent(this, step, operation)];
    if (operation.kind === 'run') return mountContents(this, step, operation);
    return [];
  }

  async #solve(step: Step): Promise<StepResult> {
    const { key, parts, identity } = await this.#key(step);
    const { store, events } = this.environment;
    const hit = step.ignoreCache ? undefined : await this.#hit(step, key);
    if (hit) return { step, identity, ...hit };
    await using _lock = await store.locks.acquire(`step-${key}`, 'exclusive', this.signal);
    const meanwhile = step.ignoreCache ? undefined : await this.#hit(step, key);
    if (meanwhile) return { step, identity, ...meanwhile };
    const nearest = await store.records.nearest(step.lineage);
    const reason = step.ignoreCache ? 'the cache is not used' : explainMiss(parts, nearest?.parts);
    const lowers = await this.snapshots(step.parent);
    await using _slot = await this.#slots.acquire(this.signal);
    events({ type: 'step-missed', id: step.id, reason });
    const snapshot = await executeStep(this, step, lowers);
    const made = snapshot === undefined ? {} : { snapshot };
    const createdMs = Date.now();
    await store.records.put(
      { key, parts, createdMs, result: { kind: 'snapshot', identity, ...made } },
      step.lineage,
    );
    return { step, identity, createdMs, cached: false, ...made };
  }

  async #hit(step: Step, key: Digest): Promise<Omit<StepResult, 'step' | 'identity'> | undefined> {
    const recorded = await this.#recorded(key);
    if (!recorded) return undefined;
    this.environment.events({ type: 'step-cached', id: step.id, atMs: Date.now() });
    return { ...recorded, cached: true };
  }

  async #recorded(
    key: Digest,
  ): Promise<{ readonly snapshot?: SnapshotId; readonly createdMs: number } | undefined> {
    const { records, snapshots } = this.environment.store;
    const record = await records.get(key);
    if (record?.result.kind !== 'snapshot') return undefined;
    const { createdMs } = record;
    const { snapshot } = record.result;
    if (snapshot === undefined) return { createdMs };
    return (await snapshots.exists(snapshot)) ? { snapshot, createdMs } : undefined;
  }
}

/** Its files may be others than those that the definition led to before. */
function isMadeAnew(state: FileState): boolean {
  return state.kind === 'step' && state.ignoreCache;
}

interface StepKey {
  readonly key: Digest;
  readonly parts: readonly KeyPart[];
  readonly identity: Digest;
}

/** The steps of a chain, bottom first. */
export function stepsOf(state: FileState): readonly Step[] {
  const steps: Step[] = [];
  for (let node = state; node.kind === 'step'; node = node.parent) steps.push(node);
  return steps.reverse();
}
