import { AVRO_SCHEMAS, type AvroField, type AvroRecord } from '@kandle/market/avro/schemas';
import { CandleBatchSchema, parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseRawBatch } from '@kandle/market/feed/raw-batch';
import { parseTradeBatch } from '@kandle/market/trade/trade-batch';
import avsc from 'avsc';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PoisonError } from '../errors.ts';
import { createAvroCodec } from './avro-codec.ts';

const codec = createAvroCodec();
const schemaOf = (type: string): AvroRecord => {
  const schema = AVRO_SCHEMAS.get(type);
  if (schema === undefined) throw new Error(`no schema of ${type}`);
  return schema;
};

/** What comes back of data that were written by the codec itself. */
async function there(type: string, data: unknown): Promise<unknown> {
  return codec.decode(type, 7, codec.encode(type, data), async () => JSON.stringify(schemaOf(type)));
}

/** The same data once through JSON. */
function throughJson(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data));
}

const whole = fc.maxSafeNat().filter((n) => n < Number.MAX_SAFE_INTEGER);
/** As `toJsonInteger` makes them, the edges of what a double holds among them. */
const exact = fc.oneof(
  fc.integer(),
  fc.constantFrom(
    0,
    -1,
    1,
    Number.MAX_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER - 1,
    Number.MIN_SAFE_INTEGER,
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
  ),
  fc.bigInt({ min: 10n ** 37n, max: 10n ** 47n }).map(String),
);
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const columnsOf = (count: number) => ({
  symbols: fc.array(text, { maxLength: 3 }),
  symbol: fc.array(fc.nat(9), { minLength: count, maxLength: count }),
  eventTimeMs: fc.array(whole, { minLength: count, maxLength: count }),
  priceE8: fc.array(exact, { minLength: count, maxLength: count }),
  sizeE8: fc.array(exact, { minLength: count, maxLength: count }),
  id: fc.array(text, { minLength: count, maxLength: count }),
});
const rules = fc.constantFrom('all', 'us-tape', { highLow: ['9'], volume: [], nothing: ['16', '@'] });
const json = fc
  .dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
  .filter((one) => !JSON.stringify(one).includes('__proto__'))
  .map(throughJson);
const some = { maxLength: 4 };
const absent: { requiredKeys: never[] } = { requiredKeys: [] };

const raw = fc
  .tuple(
    fc.record({ format: fc.constantFrom('finnhub', 'samples'), rules }, absent),
    fc.array(
      fc
        .tuple(fc.record({ id: text, record: json }), fc.record({ delayMs: whole }, absent))
        .map(([a, b]) => ({ ...a, ...b })),
      some,
    ),
  )
  .map(([facts, records]) => ({ ...facts, records }));
const candle = fc.record(
  {
    symbol: text,
    version: whole,
    state: text,
    revision: whole,
    reason: fc.option(text),
    complete: fc.boolean(),
    lastTradeMs: whole,
    openE8: exact,
    highE8: exact,
    lowE8: exact,
    closeE8: exact,
    volumeE8: exact,
    notionalE16: exact,
    priceSumE8: exact,
    tradeCount: whole,
    rank: fc.nat(3),
  },
  {
    requiredKeys: Object.keys(CandleBatchSchema.shape.candles.element.shape).filter(
      (key) => key !== 'rank',
    ) as [],
  },
);
const numbers = fc.dictionary(
  fc.stringMatching(/^[a-z]\w{0,8}$/),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  {
    maxKeys: 3,
    noNullPrototype: true,
  },
);

const DATA: ReadonlyMap<string, fc.Arbitrary<unknown>> = new Map<string, fc.Arbitrary<unknown>>([
  [EVENT_TYPES.rawTrades, raw],
  [
    EVENT_TYPES.feedGap,
    fc.record(
      {
        shard: text,
        fromMs: whole,
        toMs: whole,
        reason: text,
        droppedRecords: whole,
        sampled: fc.constant(true),
        backfill: fc.record({
          source: text,
          atMs: whole,
          state: text,
          trades: whole,
          left: fc.array(fc.record({ symbol: text, fromMs: whole, toMs: whole }), some),
          note: text,
        }),
      },
      { requiredKeys: ['shard', 'fromMs', 'toMs', 'reason', 'droppedRecords'] },
    ),
  ],
  [
    EVENT_TYPES.trades,
    fc.nat(4).chain((count) =>
      fc.oneof(
        fc.record(columnsOf(count)),
        fc.record({
          ...columnsOf(count),
          rank: fc.array(fc.nat(3), { minLength: count, maxLength: count }),
          conditions: fc.array(text, { minLength: count, maxLength: count }),
        }),
      ),
    ),
  ],
  [
    EVENT_TYPES.candles,
    fc.record(
      {
        shard: text,
        windowStartMs: whole,
        windowMs: whole,
        kind: text,
        version: whole,
        sampled: fc.constant(true),
        candles: fc.array(candle, some),
      },
      { requiredKeys: ['shard', 'windowStartMs', 'windowMs', 'kind', 'version', 'candles'] },
    ),
  ],
  [
    EVENT_TYPES.indicators,
    fc.record({
      shard: text,
      windowStartMs: whole,
      indicators: fc.array(
        fc.record({
          symbol: text,
          version: whole,
          candleVersion: whole,
          repeated: whole,
          restarted: fc.boolean(),
          close: fc.double({ noNaN: true, noDefaultInfinity: true }),
          values: numbers,
        }),
        some,
      ),
    }),
  ],
]);

test.each([...DATA])(
  'the codec gives back what JSON would, when the event is %s',
  async (type, arbitrary) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, async (data) => {
        expect(normal(await there(type, data))).toEqual(normal(throughJson(data)));
      }),
      { numRuns: 60 },
    );
  },
);

/** A safe integer and its text are the same number; -0 is 0, as in JSON. */
function normal(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data), (_, value: unknown) =>
    typeof value === 'number' && Math.abs(value) >= Number.MAX_SAFE_INTEGER ? String(value) : value,
  );
}

describe('exactness', () => {
  const header = {
    shard: 'finnhub-00',
    epoch: '1',
    sequence: '1',
    watermark: '1',
    ingesttime: '1',
  };

  test('a trade keeps its price and size, when they are 2^53+1, 2^53-1, 1e-8 or of 23 digits', async () => {
    const prices = ['9007199254740993', Number.MAX_SAFE_INTEGER, 1, '99999999999999999999999'];
    const data = {
      symbols: ['A'],
      symbol: [0, 0, 0, 0],
      eventTimeMs: [1, 2, 3, 4],
      priceE8: prices,
      sizeE8: prices,
      id: ['a', 'b', 'c', 'd'],
    };
    const { trades } = parseTradeBatch(header, await there(EVENT_TYPES.trades, data));
    const expected = [9_007_199_254_740_993n, 9_007_199_254_740_991n, 1n, 99_999_999_999_999_999_999_999n];
    expect(trades.map(({ priceE8 }) => priceE8)).toEqual(expected);
    expect(trades.map(({ sizeE8 }) => sizeE8)).toEqual(expected);
  });

  test('a candle keeps a notional of 38 and of 47 digits and a price of -1', async () => {
    const digits = ['12345678901234567890123456789012345678', '1'.repeat(47)];
    const data = {
      shard: 'finnhub-00',
      windowStartMs: 0,
      windowMs: 5_000,
      kind: 'final',
      version: 1,
      candles: digits.map((notionalE16) => ({
        symbol: 'OIL',
        version: 1,
        state: 'final',
        revision: 0,
        reason: null,
        complete: true,
        lastTradeMs: 1,
        openE8: -100_000_000,
        highE8: -1,
        lowE8: -100_000_000,
        closeE8: -1,
        volumeE8: 1,
        notionalE16,
        priceSumE8: '-9007199254740993',
        tradeCount: 1,
      })),
    };
    const { candles } = parseCandleBatch(await there(EVENT_TYPES.candles, data));
    expect(candles.map(({ notionalE16 }) => String(notionalE16))).toEqual(digits);
    expect(candles[0]).toMatchObject({
      openE8: -100_000_000n,
      highE8: -1n,
      priceSumE8: -9_007_199_254_740_993n,
    });
  });

  test('a raw record keeps every number of its feed, when it is read by the parser of batches', async () => {
    const record = {
      s: 'A',
      p: 1e-8,
      t: 1_700_000_000_001,
      v: 9_007_199_254_740_992,
      c: ['1'],
      x: { y: null },
    };
    const data = { rules: { highLow: ['9'], volume: [], nothing: [] }, records: [{ id: 'a', record }] };
    const parsed = parseRawBatch(header, await there(EVENT_TYPES.rawTrades, data));
    expect(parsed.records).toEqual([{ id: 'a', record }]);
    expect(parsed.rules).toEqual(data.rules);
  });
});

describe('evolution', () => {
  const v1 = schemaOf(EVENT_TYPES.feedGap);
  const more: AvroField = { name: 'venue', type: 'string', default: 'unknown' };
  const v2: AvroRecord = { ...v1, fields: [...v1.fields, more] };
  const gap = { shard: 'finnhub-00', fromMs: 1, toMs: 2, reason: 'silent', droppedRecords: 3 };
  const type = EVENT_TYPES.feedGap;
  const newer = createAvroCodec(new Map([[type, v2]]));

  test('a newer reader finds the default, when an older writer had no such field', async () => {
    const data = await newer.decode(type, 1, codec.encode(type, gap), async () => JSON.stringify(v1));
    expect(data).toEqual({ ...gap, sampled: undefined, venue: 'unknown' });
  });

  test('an older reader passes over a field, when a newer writer has it', async () => {
    const bytes = newer.encode(type, { ...gap, venue: 'XNAS' });
    expect(await codec.decode(type, 2, bytes, async () => JSON.stringify(v2))).toEqual({
      ...gap,
      sampled: undefined,
    });
  });

  test('an event is poison and names its schema, when that is of another event', async () => {
    const other = JSON.stringify(schemaOf(EVENT_TYPES.candles));
    await expect(codec.decode(type, 31, Buffer.alloc(9), async () => other)).rejects.toThrow(
      /schema 31 is not one of/,
    );
  });
});

describe('broken data', () => {
  const type = EVENT_TYPES.trades;
  const bytes = codec.encode(type, {
    symbols: ['A'],
    symbol: [0],
    eventTimeMs: [1],
    priceE8: [1],
    sizeE8: [1],
    id: ['a'],
  });
  const readSchema = async (): Promise<string> => JSON.stringify(schemaOf(type));

  test('an event is poison with the id of its schema, when the registry knows none', async () => {
    const failed = codec.decode(type, 99, bytes, async () => null);
    await expect(failed).rejects.toThrow('the schema registry knows no schema 99');
    await expect(failed).rejects.toMatchObject({ name: 'PoisonError', facts: { schemaId: 99 } });
  });

  test('an event is poison, when its data end early or go on', async () => {
    for (let length = 0; length < bytes.length; length++)
      await expect(codec.decode(type, 7, bytes.subarray(0, length), readSchema)).rejects.toThrow(PoisonError);
    await expect(codec.decode(type, 7, Buffer.concat([bytes, bytes]), readSchema)).rejects.toThrow(
      PoisonError,
    );
  });

  test('an event is poison at once, when it claims a list longer than its data', async () => {
    const long = avsc.Type.forSchema('long');
    for (const count of [1_000_000_000, -1_000_000_000, Number.MAX_SAFE_INTEGER - 1]) {
      const data = Buffer.concat([long.toBuffer(count), Buffer.alloc(20)]);
      await expect(codec.decode(type, 7, data, readSchema)).rejects.toThrow(PoisonError);
    }
  });

  test('an event is poison, when its bytes are any', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (noise) => {
        const data = Buffer.from(noise);
        const outcome = await codec.decode(type, 7, data, readSchema).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(PoisonError);
      }),
      { numRuns: 300 },
    );
  });

  test('a JSON text within is held to the rules of all JSON, when it is nested too deep or sets a prototype', async () => {
    const rawType = EVENT_TYPES.rawTrades;
    const avro = avsc.Type.forSchema(JSON.parse(JSON.stringify(schemaOf(rawType))));
    for (const record of ['{"__proto__":1}', '['.repeat(40) + ']'.repeat(40), '{']) {
      const data = avro.toBuffer({
        format: null,
        rules: null,
        records: [{ id: 'a', record, delayMs: null }],
      });
      const failed = codec.decode(rawType, 8, data, async () => JSON.stringify(schemaOf(rawType)));
      await expect(failed).rejects.toThrow(PoisonError);
    }
  });

  test('no more than 64 schemas are remembered, however many ids come', async () => {
    const fresh = createAvroCodec();
    let asked = 0;
    const ask = async (): Promise<string> => {
      asked += 1;
      return readSchema();
    };
    for (let id = 1; id <= 64; id++) await fresh.decode(type, id, bytes, ask);
    await fresh.decode(type, 64, bytes, ask);
    expect(asked).toBe(64);
    for (let id = 65; id <= 128; id++) await fresh.decode(type, id, bytes, ask);
    await fresh.decode(type, 1, bytes, ask);
    expect(asked).toBe(129);
  });

  test('a schema is asked for once, and again when the registry was away', async () => {
    const fresh = createAvroCodec();
    let asked = 0;
    const ask = async (): Promise<string> => {
      asked += 1;
      if (asked === 1) throw new Error('away');
      return readSchema();
    };
    await expect(fresh.decode(type, 7, bytes, ask)).rejects.toThrow('away');
    await Promise.all([fresh.decode(type, 7, bytes, ask), fresh.decode(type, 7, bytes, ask)]);
    await fresh.decode(type, 7, bytes, ask);
    expect(asked).toBe(2);
  });
});
