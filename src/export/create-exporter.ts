import type { Writable } from 'node:stream';
import { archiveExporter } from './archive-exporter.js';
import { layoutExporter } from './layout-exporter.js';
import { localExporter } from './local-exporter.js';
import type { OutputSpec } from './output-spec.js';
import { tarExporter } from './tar-exporter.js';
import type { Exporter } from './types.js';

/** An output that leaves the store; `type=image` stays in it and is the store's own business. */
export type ExportSpec = Exclude<OutputSpec, { readonly type: 'store' }>;

/** The exporter of an output. `stdout` is written to by those whose destination it is. */
export function createExporter(spec: ExportSpec, stdout: Writable): Exporter {
  switch (spec.type) {
    case 'oci-archive':
      return archiveExporter({ format: 'oci', destination: spec.destination, stdout });
    case 'docker-archive':
      return archiveExporter({ format: 'docker', destination: spec.destination, stdout });
    case 'oci-layout':
      return layoutExporter(spec.directory);
    case 'local':
      return localExporter(spec);
    case 'tar':
      return tarExporter({ ...spec, stdout });
  }
}
