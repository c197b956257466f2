import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KNATIVE } from './render.ts';

const ORIGINALS = join(KNATIVE, '..', '..', 'shared', 'crd-schemas');
const isThere = existsSync(ORIGINALS);
const OURS = join(KNATIVE, 'schemas');
const KEPT = ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-int-or-string'];

/** A schema without what checks nothing. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, held]) => !(['description', 'example'].includes(key) && typeof held === 'string'))
      .filter(([key]) => !key.startsWith('x-kubernetes-') || KEPT.includes(key))
      .map(([key, held]) => [key, bare(held)]),
  );
}

const files = isThere
  ? readdirSync(OURS).filter((file) => file.endsWith('.json') && existsSync(join(ORIGINALS, file)))
  : ['-'];

test.skipIf(!isThere).each(files)(
  `%s is the custom resource's own schema${isThere ? '' : ' (skipped: ../shared/crd-schemas is not here)'}`,
  (file) => {
    const read = (folder: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const original = JSON.stringify(bare(read(ORIGINALS)));
    // The project's own shipped CRD takes anything here; see knative/schemas/README.md.
    const anything = '"config":{"format":"byte","type":"string","x-kubernetes-preserve-unknown-fields":true}';
    expect(JSON.stringify(read(OURS))).toBe(
      original.replace(anything, '"config":{"x-kubernetes-preserve-unknown-fields":true}'),
    );
  },
);
