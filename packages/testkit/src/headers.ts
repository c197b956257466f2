import * as fc from 'fast-check';
import type { BatchHeader } from '@kandle/market/event/batch-header';

const wholeNumbers = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 999_999_999_999_999 }),
);

/** Headers of batches, with and without a trace parent. */
export const batchHeaders: fc.Arbitrary<BatchHeader> = fc.record(
  {
    shard: fc.constantFrom('finnhub-03', 'twelve-data-99', 'a-b1-00'),
    epoch: wholeNumbers,
    sequence: wholeNumbers,
    watermarkMs: wholeNumbers,
    watermarkBeforeMs: wholeNumbers,
    ingestTimeMs: wholeNumbers,
    traceparent: fc.constant('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'),
  },
  { requiredKeys: ['shard', 'epoch', 'sequence', 'watermarkMs', 'ingestTimeMs'] },
);
