import type { Digest, EventSink, Platform, Reference } from '../core/index.js';
import type { Document } from '../image/index.js';
import type { Descriptor } from '../oci/index.js';

/** One image as its documents; the layers' bytes are in the store. An AssembledImage is one. */
export interface ImageDocuments {
  readonly manifest: Document;
  readonly config: Document;
  readonly layers: readonly { readonly descriptor: Descriptor }[];
}

/** What names point to. */
export interface NamedImage {
  readonly names: readonly Reference[];
  /** An index over the images, or the manifest of the only one. */
  readonly root: Document;
  readonly images: readonly ImageDocuments[];
}

/** A directory that disappears when it is disposed of. */
export type HeldDirectory = { readonly path: string } & AsyncDisposable;

/** What is exported. The asynchronous members do their work when first asked: no exporter pays for another's. */
export interface ExportSource {
  /** Of the build, in order; one for a build without --platform. */
  readonly platforms: readonly Platform[];
  /** The finished images, layers packed: one for a build, several for `forge save A B`. */
  images(): Promise<readonly NamedImage[]>;
  /** A read-only view of the final root file system of one platform. */
  rootfs(platform: Platform): Promise<HeldDirectory>;
  /** Where the store keeps a blob. */
  blobPath(digest: Digest): string;
  /** A fresh directory for what cannot be prepared beside its destination. */
  temporaryDirectory(): Promise<HeldDirectory>;
  /** SOURCE_DATE_EPOCH in seconds, for exports of files: no file is newer. */
  readonly sourceDateEpoch?: number;
}

export interface ExportControl {
  /** Aborting rejects with `cancelled/aborted`; nothing of the export stays behind. */
  readonly signal: AbortSignal;
  /** `transfer` events, one id for each export. */
  readonly events: EventSink;
}

/** Writes images or their files somewhere. */
export interface Exporter {
  /** What it is called in progress and messages: `exporting to app.tar`. */
  readonly title: string;
  /** Fails early on what can be known before a build: a directory that is missing, a file that is in the way. */
  check(): Promise<void>;
  /**
   * Does all the work that can fail, beside the destination (a file or a layout is synced to disk);
   * the destination is untouched until `finalize`.
   */
  prepare(source: ExportSource, control: ExportControl): Promise<PreparedExport>;
}

/** A finished export that is not in place yet. Disposing of it without `finalize` leaves no trace. */
export interface PreparedExport extends AsyncDisposable {
  /** Puts it in place: a rename, or the writing to standard output. */
  finalize(): Promise<void>;
}
