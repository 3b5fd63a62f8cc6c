import { formatReference, type Reference } from '../../core/index.js';
import { formatBytes } from '../../progress/index.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-code.js';
import type { OptionValues } from '../option-spec.js';
import { timeAgo } from '../relative-time.js';
import { imagesSpec } from '../specs/images.js';
import {
  layersSizeBytes,
  listImages,
  type StoredImage,
  shortId,
  splitName,
  tryReference,
} from '../stored-image.js';
import { textTable } from '../text-table.js';
import { withStore } from '../with-store.js';

interface Row {
  readonly image: StoredImage;
  readonly name: Reference;
}

/** `app` shows all tags of app, `app:1` that one. */
function isAskedFor(name: Reference, filter: string | undefined): boolean {
  if (filter === undefined) return true;
  const wanted = tryReference(filter);
  if (wanted === undefined || wanted.domain !== name.domain || wanted.path !== name.path) return false;
  const namesTag = filter.lastIndexOf(':') > filter.lastIndexOf('/');
  return !namesTag || wanted.tag === name.tag;
}

function table(rows: readonly Row[], values: OptionValues<typeof imagesSpec>): string {
  const heading = ['REPOSITORY', 'TAG', ...(values.digests ? ['DIGEST'] : []), 'IMAGE ID', 'CREATED', 'SIZE'];
  const nowMs = Date.now();
  const cells = rows.map(({ image, name }) => {
    const { repository, tag } = splitName(name);
    const id = values['no-trunc'] ? image.id : shortId(image.id);
    const size = formatBytes(layersSizeBytes(image));
    const digest = values.digests ? [image.root.digest] : [];
    return [repository, tag, ...digest, id, timeAgo(image.config.created, nowMs), size];
  });
  return textTable(heading, cells);
}

function jsonLine({ image, name }: Row): string {
  const { repository, tag } = splitName(name);
  const facts = {
    Repository: repository,
    Tag: tag,
    Name: formatReference(name),
    ID: image.id,
    Digest: image.root.digest,
    CreatedAt: image.config.created,
    SizeBytes: layersSizeBytes(image),
    Platform: { os: image.config.os, architecture: image.config.architecture },
  };
  return `${JSON.stringify(facts)}\n`;
}

function render(rows: readonly Row[], values: OptionValues<typeof imagesSpec>): string {
  if (values.quiet) {
    const ids = new Set(rows.map(({ image }) => (values['no-trunc'] ? image.id : shortId(image.id))));
    return [...ids].map((id) => `${id}\n`).join('');
  }
  if (values.format === 'json') return rows.map(jsonLine).join('');
  if (values.format === 'names') {
    return rows.map(({ name }) => `${splitName(name).repository}:${splitName(name).tag}\n`).join('');
  }
  return table(rows, values);
}

function newestFirst(a: Row, b: Row): number {
  return (Date.parse(b.image.config.created ?? '') || 0) - (Date.parse(a.image.config.created ?? '') || 0);
}

export const imagesCommand = defineCommand(imagesSpec, ({ values, operands: [filter] }, context) =>
  withStore(values.root, context, async (store) => {
    const images = await listImages(store);
    const rows = images.flatMap((image) => image.names.map((name) => ({ image, name })));
    const shown = rows.filter(({ name }) => isAskedFor(name, filter)).sort(newestFirst);
    context.stdout.write(render(shown, values));
    return EXIT.done;
  }),
);
