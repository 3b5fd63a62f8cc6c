import { formatBytes } from '../../progress/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import { timeAgo } from '../relative-time.js';
import { historySpec } from '../specs/history.js';
import { findImage, type StoredImage, shortId } from '../stored-image.js';
import { textTable } from '../text-table.js';
import { withStore } from '../with-store.js';

const MAX_COMMAND_CHARACTERS = 45;

interface Row {
  readonly image: string;
  readonly created: string | undefined;
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly comment: string;
}

/** Newest first; each entry that is not empty takes the next layer. */
function historyRows(image: StoredImage): readonly Row[] {
  const layers = [...image.manifest.layers];
  const rows = (image.config.history ?? []).map((entry) => ({
    image: '<missing>',
    created: entry.created,
    createdBy: entry.created_by ?? '',
    sizeBytes: entry.empty_layer ? 0 : (layers.shift()?.size ?? 0),
    comment: entry.comment ?? '',
  }));
  const unexplained = layers.map((layer) => ({
    image: '<missing>',
    created: undefined,
    createdBy: '',
    sizeBytes: layer.size,
    comment: 'a layer without history',
  }));
  const all = [...rows, ...unexplained].reverse();
  return all.map((row, index) => (index === 0 ? { ...row, image: image.id } : row));
}

function shorten(text: string): string {
  return text.length > MAX_COMMAND_CHARACTERS ? `${text.slice(0, MAX_COMMAND_CHARACTERS - 1)}…` : text;
}

function table(rows: readonly Row[], isWhole: boolean, image: StoredImage): string {
  const nowMs = Date.now();
  const cells = rows.map((row) => [
    row.image === image.id && !isWhole ? shortId(image.id) : row.image,
    timeAgo(row.created, nowMs),
    isWhole ? row.createdBy : shorten(row.createdBy),
    formatBytes(row.sizeBytes),
    row.comment,
  ]);
  return textTable(['IMAGE', 'CREATED', 'CREATED BY', 'SIZE', 'COMMENT'], cells);
}

function jsonLine(row: Row): string {
  const { image, created, createdBy, sizeBytes, comment } = row;
  const facts = {
    ID: image,
    CreatedAt: created,
    CreatedBy: createdBy,
    SizeBytes: sizeBytes,
    Comment: comment,
  };
  return `${JSON.stringify(facts)}\n`;
}

export const historyCommand = defineCommand(historySpec, ({ values, operands: [name = ''] }, context) =>
  withStore(values.root, context, async (store) => {
    const image = await findImage(store, name);
    const rows = historyRows(image);
    const text =
      values.format === 'json' ? rows.map(jsonLine).join('') : table(rows, values['no-trunc'], image);
    context.stdout.write(text);
    return EXIT.done;
  }),
);
