import type { BuildEvent, StepId } from '../core/index.js';
import { formatBytes, formatSeconds } from './format.js';
import { neutralise, neutraliseText } from './neutralise.js';
import {
  formatAmount,
  formatResult,
  formatWarning,
  formatWarningCount,
  type ResultEvent,
  type TransferEvent,
  type WarningEvent,
} from './plain-format.js';
import { PlainGroup } from './plain-group.js';

/** How long one step's lines may hold back those of others, so that parallel steps stay readable. */
const TURN_MS = 1000;
/** Beyond this, held-back text is shown at once: memory is not the place for logs. */
const MAX_HELD_CHARACTERS = 1_048_576;
/** How long the lines of transfers wait for others, so that they do not tear the steps apart. */
const TRANSFERS_WAIT_MS = 2000;
/** How often a long transfer says how far it is. */
const TRANSFER_REPORT_MS = 5000;

type StepEvent = Extract<BuildEvent, { readonly id: StepId; readonly type: `step-${string}` }>;

interface TransferView {
  readonly startedMs: number;
  reportedMs: number;
}

/**
 * The plain view, as BuildKit's: `#5 [build 2/5] RUN make`, `#5 0.123 output`, `#5 DONE 0.3s`.
 * Pure but for its own state: each call gives the text to write next; time comes from outside.
 */
export class PlainView {
  readonly #titles = new Map<StepId, string>();
  readonly #groups: PlainGroup[] = [];
  readonly #byStep = new Map<StepId, PlainGroup>();
  readonly #transfers = new Map<string, TransferView>();
  readonly #warnings: WarningEvent[] = [];
  #transferGroup: PlainGroup | undefined;
  #transfersWaitSinceMs = 0;
  #current: PlainGroup | undefined;
  #turnStartedMs = 0;
  #startedMs: number | undefined;
  #lastMs = 0;
  #result: ResultEvent | undefined;

  /** Takes in one event; returns what is to be written now. */
  apply(event: BuildEvent): string {
    if ('atMs' in event) {
      this.#lastMs = event.atMs;
      this.#startedMs ??= event.atMs;
    }
    switch (event.type) {
      case 'build-started':
        for (const step of event.steps) this.#titles.set(step.id, neutralise(step.title));
        break;
      case 'transfer':
        this.#transfer(event);
        break;
      case 'warning':
        this.#warnings.push(event);
        break;
      case 'result':
        this.#result = event;
        break;
      default:
        this.#step(event);
    }
    return this.tick(this.#lastMs);
  }

  /** Gives the turn to a waiting step when the present one has ended or has had its time. */
  tick(nowMs: number): string {
    let text = this.#current?.take() ?? '';
    for (let next = this.#nextWaiting(nowMs); next !== undefined; next = this.#nextWaiting(nowMs)) {
      text += this.#switchTo(next, nowMs);
    }
    return text;
  }

  /** Everything held back, unfinished lines, the warnings and the result. */
  end(): string {
    for (const group of this.#groups) group.endLines(this.#lastMs);
    let text = this.#current?.take() ?? '';
    for (const group of this.#groups) {
      if (group.isWaiting) text += this.#switchTo(group, this.#lastMs);
    }
    return text + this.#summary();
  }

  #step(event: StepEvent): void {
    const group = this.#group(event.id);
    switch (event.type) {
      case 'step-started':
        group.start(event.atMs);
        break;
      case 'step-missed':
        group.say(`not cached: ${neutraliseText(event.reason)}`);
        break;
      case 'step-cached':
        group.finish('CACHED', event.atMs);
        break;
      case 'step-output':
        group.output(event.stream, event.data, event.atMs);
        break;
      case 'step-finished': {
        const peak = event.usage?.memoryPeakBytes;
        const memory = peak === undefined ? '' : ` (peak memory ${formatBytes(peak)})`;
        group.finish(`DONE ${formatSeconds(event.atMs - group.startedMs)}${memory}`, event.atMs);
        break;
      }
      case 'step-failed':
        group.finish(`ERROR: ${neutraliseText(event.message)}`, event.atMs);
    }
  }

  #transfer(event: TransferEvent): void {
    if (this.#transferGroup?.isWaiting !== true) this.#transfersWaitSinceMs = event.atMs;
    this.#transferGroup ??= this.#newGroup('layers and outputs');
    const view = this.#transfers.get(event.id) ?? { startedMs: event.atMs, reportedMs: event.atMs };
    this.#transfers.set(event.id, view);
    const elapsed = formatSeconds(event.atMs - view.startedMs);
    const title = neutralise(event.title);
    if (event.state === 'running') {
      if (event.atMs - view.reportedMs < TRANSFER_REPORT_MS) return;
      view.reportedMs = event.atMs;
      const amount = formatAmount(event.doneBytes, event.totalBytes);
      this.#transferGroup.say(`${title} ${amount} ${elapsed}`);
    } else {
      this.#transfers.delete(event.id);
      const end = event.state === 'done' ? `${elapsed} done` : 'FAILED';
      this.#transferGroup.say(`${title} ${formatBytes(event.doneBytes)} ${end}`);
    }
  }

  #group(id: StepId): PlainGroup {
    let group = this.#byStep.get(id);
    if (group === undefined) {
      group = this.#newGroup(this.#titles.get(id) ?? neutralise(id));
      this.#byStep.set(id, group);
    }
    return group;
  }

  #newGroup(title: string): PlainGroup {
    const group = new PlainGroup(this.#groups.length + 1, title, this.#lastMs);
    this.#groups.push(group);
    return group;
  }

  #yields(group: PlainGroup): boolean {
    return group.ended || group === this.#transferGroup;
  }

  #nextWaiting(nowMs: number): PlainGroup | undefined {
    const current = this.#current;
    const isFree = current === undefined || this.#yields(current) || nowMs - this.#turnStartedMs >= TURN_MS;
    return this.#groups.find(
      (group) =>
        group !== current &&
        group.isWaiting &&
        (isFree || group.heldCharacters > MAX_HELD_CHARACTERS) &&
        (group !== this.#transferGroup || nowMs - this.#transfersWaitSinceMs >= TRANSFERS_WAIT_MS),
    );
  }

  #switchTo(group: PlainGroup, nowMs: number): string {
    const previous = this.#current;
    this.#current = group;
    this.#turnStartedMs = nowMs;
    const text = group.heading + group.take();
    if (previous === undefined) return text;
    return `${this.#yields(previous) ? '' : `#${previous.number} ...\n`}\n${text}`;
  }

  #summary(): string {
    const lines: string[] = [];
    if (this.#warnings.length > 0) {
      lines.push('', formatWarningCount(this.#warnings.length));
      for (const warning of this.#warnings) lines.push(` - ${formatWarning(warning)}`);
    }
    if (this.#result !== undefined) lines.push('', ...formatResult(this.#result, this.#startedMs ?? 0));
    return lines.map((line) => `${line}\n`).join('');
  }
}
