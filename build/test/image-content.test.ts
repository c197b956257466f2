import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { programNames, ROOT } from '../bundle.ts';
import { assembleImage } from '../image.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-image-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KIB = 1_024;
/**
 * The size that each bundle may have, about a tenth above what it had when it was last looked at. A bundle is
 * read and compiled at every cold start: what makes one grow should be known.
 */
const BUDGET_KIB: Readonly<Record<string, number>> = {
  aggregate: 3_500,
  archive: 870,
  audit: 1_750,
  backfill: 1_070,
  exporter: 1_650,
  generator: 20,
  ingest: 1_250,
  instruments: 1_130,
  notify: 3_150,
  persist: 3_000,
  query: 1_700,
  schema: 1_500,
  signal: 3_700,
  'sink-influx': 2_370,
  'sink-redis': 3_100,
  transform: 2_850,
};

interface Bill {
  readonly components: readonly { name: string; version: string; purl: string }[];
}

describe.each(programNames())('the image of %s', (name) => {
  test('is within its budget, and lists what it consists of', async () => {
    await assembleImage(name, join(folder, name));
    const { size } = statSync(join(folder, name, 'index.cjs'));
    expect(size).toBeLessThanOrEqual((BUDGET_KIB[name] ?? 0) * KIB);
    const bill = JSON.parse(readFileSync(join(folder, name, 'sbom.cdx.json'), 'utf8')) as Bill;
    const licences = readFileSync(join(folder, name, 'LICENSES.txt'), 'utf8');
    for (const { name: component, version } of bill.components)
      expect(licences).toContain(`== ${component} ${version} (`);
    const expected = name === 'generator' ? 'pure-rand' : 'zod';
    expect(bill.components.map(({ name: component }) => component)).toContain(expected);
  });

  test('has a bill of materials with the same bytes every time', async () => {
    await assembleImage(name, join(folder, `${name}-again`));
    const read = (one: string): string => readFileSync(join(folder, one, 'sbom.cdx.json'), 'utf8');
    expect(read(`${name}-again`)).toBe(read(name));
    expect(read(name)).not.toContain(ROOT);
  });
});
