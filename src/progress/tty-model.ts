import type { BuildEvent, StepId } from '../core/index.js';
import { LineSplitter } from './line-splitter.js';
import { neutralise } from './neutralise.js';
import type { ResultEvent, TransferEvent, WarningEvent } from './plain-format.js';

/** Lines of a running step's output that stay in sight. */
const TAIL_LINES = 6;
/** Only the end of a large chunk can be in sight: the rest need not be read. */
const TAIL_BYTES = 16_384;

export interface StepView {
  readonly title: string;
  readonly startedMs: number;
  readonly tail: readonly string[];
}

export interface TransferView {
  readonly title: string;
  readonly startedMs: number;
  readonly atMs: number;
  readonly doneBytes: number;
  readonly totalBytes: number | undefined;
}

/** A step that has come to its end: shown once, above the live lines, and never redrawn. */
export interface EndedView {
  readonly title: string;
  readonly state: 'done' | 'cached' | 'failed';
  readonly durationMs: number;
  readonly reason: string | undefined;
}

interface RunningStep extends StepView {
  readonly startedMs: number;
  tail: string[];
  readonly splitters: Map<string, LineSplitter>;
}

type StepEvent = Extract<BuildEvent, { readonly id: StepId; readonly type: `step-${string}` }>;

/** For lines whose width matters: a tab's is not known. */
function oneLine(text: string): string {
  return neutralise(text.replaceAll('\t', ' '));
}

/** What the live view knows: fed with events, read by the renderer. */
export class TtyModel {
  readonly #titles = new Map<StepId, string>();
  readonly #reasons = new Map<StepId, string>();
  readonly #running = new Map<StepId, RunningStep>();
  readonly #transfers = new Map<string, TransferView>();
  readonly #ended = new Set<StepId>();
  readonly warnings: WarningEvent[] = [];
  #unshown: EndedView[] = [];
  startedMs: number | undefined;
  failed = false;
  result: ResultEvent | undefined;

  get totalSteps(): number {
    return Math.max(this.#titles.size, this.#ended.size + this.#running.size);
  }

  get endedSteps(): number {
    return this.#ended.size;
  }

  get running(): readonly StepView[] {
    return [...this.#running.values()];
  }

  get transfers(): readonly TransferView[] {
    return [...this.#transfers.values()];
  }

  /** The steps that ended since the last call. */
  takeEnded(): readonly EndedView[] {
    const ended = this.#unshown;
    this.#unshown = [];
    return ended;
  }

  apply(event: BuildEvent): void {
    if ('atMs' in event) this.startedMs ??= event.atMs;
    switch (event.type) {
      case 'build-started':
        for (const step of event.steps) this.#titles.set(step.id, oneLine(step.title));
        break;
      case 'transfer':
        this.#transfer(event);
        break;
      case 'warning':
        this.warnings.push(event);
        break;
      case 'result':
        this.result = event;
        break;
      default:
        this.#step(event);
    }
  }

  #step(event: StepEvent): void {
    switch (event.type) {
      case 'step-started':
        this.#start(event.id, event.atMs);
        break;
      case 'step-missed':
        this.#reasons.set(event.id, oneLine(event.reason));
        break;
      case 'step-output':
        this.#output(event.id, event.stream, event.data);
        break;
      case 'step-cached':
        this.#end(event.id, 'cached', event.atMs);
        break;
      case 'step-finished':
        this.#end(event.id, 'done', event.atMs);
        break;
      case 'step-failed':
        this.failed = true;
        this.#end(event.id, 'failed', event.atMs);
    }
  }

  #title(id: StepId): string {
    return this.#titles.get(id) ?? oneLine(id);
  }

  #start(id: StepId, atMs: number): void {
    this.#running.set(id, { title: this.#title(id), startedMs: atMs, tail: [], splitters: new Map() });
  }

  #output(id: StepId, stream: string, data: Uint8Array): void {
    const step = this.#running.get(id);
    if (step === undefined) return;
    const splitter = step.splitters.get(stream) ?? new LineSplitter();
    step.splitters.set(stream, splitter);
    const lines = splitter.push(data.length > TAIL_BYTES ? data.subarray(-TAIL_BYTES) : data);
    const shown = lines.filter((line) => line.trim() !== '').slice(-TAIL_LINES);
    step.tail = [...step.tail, ...shown.map((line) => neutralise(line.replaceAll('\t', '    ')))].slice(
      -TAIL_LINES,
    );
  }

  #end(id: StepId, state: EndedView['state'], atMs: number): void {
    const startedMs = this.#running.get(id)?.startedMs ?? atMs;
    this.#running.delete(id);
    this.#ended.add(id);
    const reason = this.#reasons.get(id);
    this.#unshown.push({ title: this.#title(id), state, durationMs: atMs - startedMs, reason });
  }

  #transfer(event: TransferEvent): void {
    const { id, atMs, doneBytes, totalBytes } = event;
    if (event.state !== 'running') {
      this.#transfers.delete(id);
      return;
    }
    const startedMs = this.#transfers.get(id)?.startedMs ?? atMs;
    const title = oneLine(event.title);
    this.#transfers.set(id, { title, startedMs, atMs, doneBytes, totalBytes });
  }
}
