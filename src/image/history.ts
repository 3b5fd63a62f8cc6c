import { ForgeError } from '../core/index.js';
import type { HistoryEntry } from '../oci/index.js';
import { formatTime } from './time.js';

/** Every history entry that a Buildfile's instruction makes carries this, as BuildKit's do. */
const comment = 'buildkit.dockerfile.v0';

/** One instruction of this build, as `docker history` shows it. */
export interface AppliedInstruction {
  /** `RUN /bin/sh -c make # buildkit`. */
  readonly createdBy: string;
  /** False for metadata (`empty_layer`). */
  readonly hasLayer: boolean;
}

/** When things were made. */
export type BuildTime =
  /** SOURCE_DATE_EPOCH: the time of everything this build adds. */
  | { readonly kind: 'epoch'; readonly ms: number }
  /** The clock: what layers of this build have no time of their own get it. */
  | { readonly kind: 'clock'; readonly ms: number };

export interface HistoryInput {
  readonly base: readonly HistoryEntry[];
  readonly baseLayers: number;
  readonly instructions: readonly AppliedInstruction[];
  /** When each layer of this build was made, bottom first. */
  readonly layerTimesMs: readonly (number | undefined)[];
  readonly time: BuildTime;
}

/**
 * The history of an image: as many entries with a layer as there are layers. A base whose history
 * does not say so is put right, as BuildKit does.
 */
export function imageHistory(input: HistoryInput): readonly HistoryEntry[] {
  const layers = input.instructions.filter(({ hasLayer }) => hasLayer).length;
  if (layers !== input.layerTimesMs.length) {
    throw new ForgeError('bug/history', `${layers} instructions made ${input.layerTimesMs.length} layers`);
  }
  return fillTimes([...baseHistory(input.base, input.baseLayers), ...newEntries(input)]);
}

/** Too many entries with a layer: the last ones become empty; too few: entries are added. */
function baseHistory(history: readonly HistoryEntry[], layers: number): readonly HistoryEntry[] {
  let seen = 0;
  const counted = history.map((entry) => {
    if (entry.empty_layer) return entry;
    seen += 1;
    return seen > layers ? { ...entry, empty_layer: true } : entry;
  });
  const missing = Math.max(0, layers - seen);
  return [...counted, ...Array.from({ length: missing }, () => ({ created_by: 'layer without history' }))];
}

function newEntries({ instructions, layerTimesMs, time }: HistoryInput): readonly HistoryEntry[] {
  let layer = 0;
  return instructions.map(({ createdBy, hasLayer }) => {
    const layerMs = hasLayer ? (layerTimesMs[layer++] ?? time.ms) : undefined;
    const ms = time.kind === 'epoch' ? time.ms : layerMs;
    return {
      ...(ms === undefined ? {} : { created: formatTime(ms) }),
      created_by: createdBy,
      comment,
      ...(hasLayer ? {} : { empty_layer: true }),
    };
  });
}

/**
 * Entries without a time get that of the layer before them; those before the first layer of this
 * build get its time. An image of metadata alone so keeps its digest from build to build.
 */
function fillTimes(history: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const firstUntimed = history.findIndex(({ created }) => created === undefined);
  if (firstUntimed < 0) return history;
  const later = history.slice(firstUntimed).find(({ created }) => created !== undefined);
  const earlier = history.slice(0, firstUntimed).findLast(({ created }) => created !== undefined);
  let current = (later ?? earlier)?.created;
  return history.map((entry, position) => {
    if (entry.created === undefined) return current === undefined ? entry : { created: current, ...entry };
    if (position > firstUntimed) current = entry.created;
    return entry;
  });
}
