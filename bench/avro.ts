import { createAvroCodec } from '@kandle/runtime/avro/avro-codec';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { AVRO_SCHEMAS } from '@kandle/market/avro/schemas';
import { parseEventData } from '@kandle/runtime/received-event';

/**
 * What writing and reading the data of events costs as JSON and as Avro, without Kafka, HTTP and gzip: CPU
 * seconds for a million trades, and bytes for each. `npm run bench:avro`.
 */
const TRADES = 1_000_000;
/** Trades of a batch, and symbols of a window. */
const BATCH = 400;
const SYMBOLS = 100;

const codec = createAvroCodec();

interface Subject {
  readonly name: string;
  readonly type: string;
  readonly data: unknown;
  /** How many of these events a million trades make. */
  readonly events: number;
}

const indices = Array.from({ length: BATCH }, (_, n) => n);
const symbolOf = (n: number): string => `BINANCE:S${n % SYMBOLS}USDT`;
const timeOf = (n: number): number => 1_700_000_000_000 + n;

const SUBJECTS: readonly Subject[] = [
  {
    name: 'raw batch',
    type: EVENT_TYPES.rawTrades,
    events: TRADES / BATCH,
    data: {
      rules: 'all',
      records: indices.map((n) => ({
        id: `${timeOf(n).toString(36)}-${n}`,
        record: { c: null, p: 61_837.63 + n / 100, s: symbolOf(n), t: timeOf(n), v: 0.001 * (n + 1) },
      })),
    },
  },
  {
    name: 'trades batch',
    type: EVENT_TYPES.trades,
    events: TRADES / BATCH,
    data: {
      symbols: Array.from({ length: SYMBOLS }, (_, n) => symbolOf(n)),
      symbol: indices.map((n) => n % SYMBOLS),
      eventTimeMs: indices.map(timeOf),
      priceE8: indices.map((n) => 6_183_763_000_000 + n * 1_000_000),
      sizeE8: indices.map((n) => 100_000 * (n + 1)),
      id: indices.map((n) => `${timeOf(n).toString(36)}-${n}`),
    },
  },
  {
    name: 'candle batch',
    type: EVENT_TYPES.candles,
    // At 2,000 trades/s a window of 5 s has 10,000, and is told six times: about once a second, and final.
    events: (TRADES / 10_000) * 6,
    data: {
      shard: 'finnhub-00',
      windowStartMs: timeOf(0),
      windowMs: 5_000,
      kind: 'final',
      version: 40,
      candles: indices.slice(0, SYMBOLS).map((n) => ({
        symbol: symbolOf(n),
        version: 40,
        state: 'final',
        revision: 0,
        reason: null,
        complete: true,
        lastTradeMs: timeOf(n),
        openE8: 6_183_763_000_000,
        highE8: 6_183_863_000_000,
        lowE8: 6_183_663_000_000,
        closeE8: 6_183_763_000_001,
        volumeE8: 123_456_789,
        notionalE16: '763428517300000000000',
        priceSumE8: 618_376_300_000_000,
        tradeCount: 100,
      })),
    },
  },
];

/** CPU seconds of doing something so many times, the best of three. */
async function cpuOf(times: number, act: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    for (let n = 0; n < times; n++) await act();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

const shown = (seconds: number): string => `${seconds.toFixed(2)} s`;

console.log(
  'CPU for a million trades         JSON write  JSON read  Avro write  Avro read   bytes JSON, Avro',
);
for (const { name, type, data, events } of SUBJECTS) {
  const text = Buffer.from(JSON.stringify(data));
  const avro = codec.encode(type, data);
  const schema = JSON.stringify(AVRO_SCHEMAS.get(type));
  const columns = [
    await cpuOf(events, () => Buffer.from(JSON.stringify(data))),
    await cpuOf(events, () => parseEventData(text)),
    await cpuOf(events, () => codec.encode(type, data)),
    await cpuOf(events, () => codec.decode(type, 1, avro, async () => schema)),
  ];
  console.log(
    `${name.padEnd(32)} ${columns.map((seconds) => shown(seconds).padStart(10)).join(' ')}   ${text.length}, ${avro.length}`,
  );
}
