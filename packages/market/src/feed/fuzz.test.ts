import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordFormat } from './formats.ts';
import { createLineReader } from './ndjson/lines.ts';
import { GENERATED_BARS, GENERATED_TRADES } from './ndjson/mapping.ts';
import { createSamples } from './sample/samples.ts';
import { frameReader, VENDORS } from './vendor.ts';

/*
 * Every decoder gets texts that are nearly its own: a million of them by `npm run test:fuzz`, a few by
 * `npm run check`.
 */

const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? '1500');
/** What is held may grow so much after the first tenth of the inputs. */
const MAX_GROWTH_BYTES = 16 * 1_048_576;

/** Bytes that are held once all that nobody needs is collected. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
const KINDS = ['trade', 'news', 'book', 'ping', 'error', 'subscribed', 'unknown', 'refused', 'bad'];

const REAL: readonly string[] = [
  '{"data":[{"c":["1"],"p":122.1,"s":"TSLA","t":1672348887195,"v":1}],"type":"trade"}',
  '{"type":"news","data":[{"id":1,"headline":"x","datetime":1,"related":"AAPL"}]}',
  '{"type":"ping","passed_ms":1,"recv_ms":2}',
  '{"event":"price","symbol":"AAPL","timestamp":1680286328,"price":164.13,"day_volume":29666927}',
  '{"event":"subscribe-status","status":"warning","success":[{"symbol":"A"}],"fails":[{"symbol":"B","message":"no"}]}',
  '{"type":"pricing","message":"CgRBQVBMFexhnUMYkI6yi8VcKgNOTVMwCDgBRW68EkBItJzfEGXAwuFA2AEE"}',
  '{"quoteResponse":{"result":[{"symbol":"A","regularMarketPrice":1.5,"regularMarketTime":1,"regularMarketVolume":7}],"error":null}}',
  '{"chart":{"result":[{"meta":{"symbol":"A"},"timestamp":[1,2],"indicators":{"quote":[{"close":[1,null]}]}}],"error":null}}',
  '{"type":"trade","id":1,"symbol":"A","price":1,"size":2,"time":"2026-11-29T00:00:00Z"}',
  '{"type":"ohlc","symbol":"A","open":1,"high":2,"low":1,"close":2,"volume":3,"time":"2026-11-29T00:00:00Z"}',
];

/** A text with some of its characters replaced, left out, or put in. */
const spoilt = fc
  .tuple(
    fc.constantFrom(...REAL),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(3),
        fc.constantFrom(
          '"',
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '9',
          '-',
          'e',
          '\u{0}',
          '\u{d800}',
          'null',
          '1e999',
          '=',
          'A',
        ),
      ),
      {
        maxLength: 4,
      },
    ),
  )
  .map(([text, changes]) =>
    changes.reduce((was, [at, length, put]) => {
      const from = at % (was.length + 1);
      return was.slice(0, from) + put + was.slice(from + length);
    }, text),
  );
const message = fc
  .uint8Array({ maxLength: 80 })
  .map((bytes) => JSON.stringify({ type: 'pricing', message: Buffer.from(bytes).toString('base64') }));
const texts = fc.oneof(
  { weight: 6, arbitrary: spoilt },
  { weight: 3, arbitrary: message },
  fc.json(),
  fc.string(),
);

test('no frame, whatever it is, brings a decoder or a judge down, and none is held on to', () => {
  const readers = VENDORS.map((vendor) =>
    frameReader(vendor, vendor === 'ndjson' ? GENERATED_TRADES : GENERATED_BARS),
  );
  const bars = frameReader('ndjson', GENERATED_BARS);
  const formats = (['finnhub', 'trades', 'samples'] as const).map((name) => recordFormat(name));
  const samples = createSamples();
  const lines = createLineReader(4_096);
  let inputs = 0;
  let settledBytes = 0;
  fc.assert(
    fc.property(texts, (text) => {
      for (const read of [...readers, bars]) {
        const frame = read(text);
        if (!KINDS.includes(frame.kind)) throw new Error(`a frame of kind ${frame.kind}`);
        if (!('entries' in frame)) continue;
        for (const entry of frame.entries) {
          const record: Readonly<Record<string, unknown>> = { ...Object(entry) };
          samples.read(entry, 1_764_000_000_000);
          for (const format of formats) {
            format.seeTrade(record);
            format.judgeTrade('id', record);
            format.judgeBook(record);
            format.judgeNews(record);
          }
        }
      }
      lines.push(Buffer.from(inputs % 3 === 0 ? text : `${text}\n`));
      inputs += 1;
      if (inputs === Math.floor(INPUTS / 10)) settledBytes = heldBytes();
    }),
    { numRuns: INPUTS },
  );
  expect(inputs).toBe(INPUTS);
  expect(lines.heldBytes()).toBeLessThanOrEqual(4_096);
  if (INPUTS >= 100_000) expect(heldBytes() - settledBytes).toBeLessThan(MAX_GROWTH_BYTES);
}, 1_800_000);
