import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { fastGzip } from './fast-gzip.ts';

test.each([0, 1, 65_536, 65_537, 1_000_000])(
  'compress() makes gzip that any reader reads, when it gets %d bytes',
  async (size) => {
    const buffer = Buffer.from(Array.from({ length: size }, (_, place) => (place * 7_919) % 251));
    const compressed = await fastGzip.compress({ buffer });
    expect(gunzipSync(compressed).equals(buffer)).toBe(true);
    expect((await fastGzip.decompress(gzipSync(buffer))).equals(buffer)).toBe(true);
  },
);
