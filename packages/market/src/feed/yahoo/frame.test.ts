import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseYahooFrame } from './frame.ts';

const DATA = join(import.meta.dirname, '../../../../../../shared/data');
const FRAMES = join(DATA, 'yahoo_frames_dev.jsonl.gz');
const RECORDS = join(DATA, 'yahoo_nasdaq_dev.csv.gz');

const frame = (message: unknown) => JSON.stringify({ type: 'pricing', message });
const AAPL = 'CgRBQVBMFexhnUMYkI6yi8VcKgNOTVMwCDgBRW68EkBItJzfEGXAwuFA2AEE';
const BTC =
  'CgdCVEMtVVNEFYoMuUcYwLCVgIplIgNVU0QqA0NDQzApOAFFPWrEP0iAgOrxvANVx/25R12csrRHZYD8skR9/7i0R7ABgIDq8bwD2AEE4AGAgOrxvAPoAYCA6vG8A/IBA0JUQ4ECAAAAwPrjckGJAgAA2P5ZT3tC';

describe('parseYahooFrame()', () => {
  test('reads a look at a share, with the price of its decimals and the volume of the day', () => {
    const sample = { s: 'AAPL', p: 314.77, t: 1_589_820_933_000, dv: 17_557_274 };
    expect(parseYahooFrame(frame(AAPL))).toEqual({ kind: 'trade', entries: [sample] });
    expect(parseYahooFrame(AAPL)).toEqual({ kind: 'trade', entries: [sample] });
  });

  test("does not take the volume of a coin's last 24 hours for one of the day", () => {
    expect(parseYahooFrame(frame(BTC))).toMatchObject({
      entries: [{ s: 'BTC-USD', p: 94_745.08, dv: null }],
    });
  });

  test.each([
    ['{', 'bad'],
    ['[1]', 'bad'],
    ['', 'bad'],
    ['not base64!', 'bad'],
    ['{}', 'bad'],
    [frame(null), 'bad'],
    [frame('AAAA'), 'bad'],
    [frame('x'.repeat(20_000)), 'bad'],
    ['{"type":"news"}', 'unknown'],
  ])('has an answer to %s', (text, kind) => {
    expect(parseYahooFrame(text).kind).toBe(kind);
  });

  test('has an answer to whatever comes', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => frame(Buffer.from(bytes).toString('base64'))),
      fc.json(),
      // A real message with some of its bytes changed, or cut.
      fc
        .tuple(fc.array(fc.tuple(fc.nat(45), fc.nat(255)), { maxLength: 6 }), fc.nat(46))
        .map(([changes, length]) => {
          const bytes = Buffer.from(AAPL, 'base64').subarray(0, length);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          return frame(bytes.toString('base64'));
        }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(['trade', 'ping', 'bad', 'unknown']).toContain(parseYahooFrame(text).kind);
      }),
      { numRuns: 2_000 },
    );
  });

  test.skipIf(!existsSync(FRAMES))('reads 6,333 recorded frames as others did', () => {
    const frames = gunzipSync(readFileSync(FRAMES)).toString().trim().split('\n');
    const [, ...lines] = gunzipSync(readFileSync(RECORDS)).toString().trim().split('\n');
    expect(frames).toHaveLength(6_333);
    for (const [index, text] of frames.entries()) {
      const [s, price, dayVolume, t] = lines[index]?.split(',') ?? [];
      const dv = Number(dayVolume) === 0 ? null : Number(dayVolume);
      const p = Number(Number(price).toFixed(2));
      expect(parseYahooFrame(text)).toEqual({ kind: 'trade', entries: [{ s, p, t: Number(t), dv }] });
    }
  });
});
