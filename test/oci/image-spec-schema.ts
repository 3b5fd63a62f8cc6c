import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv';

const folder = '../shared/conformance/oci-image/schema';
const require = createRequire(import.meta.url);

const ajv = new Ajv({ schemaId: 'id', meta: false, logger: false, unknownFormats: 'ignore' });
ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json'));
for (const file of readdirSync(folder)) {
  // The files refer to one another by file name; the ids inside them only mislead ajv.
  const schema = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'), (key, value) =>
    key === 'id' && typeof value === 'string' ? undefined : value,
  );
  ajv.addSchema(schema, file);
}

/** What the image-spec's own JSON schema says against `value`; undefined when it is valid. */
export function schemaErrors(file: string, value: unknown): string | undefined {
  const valid = ajv.validate(file, value);
  return valid ? undefined : ajv.errorsText();
}
