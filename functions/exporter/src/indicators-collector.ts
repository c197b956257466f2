import { type IndicatorKind, indicatorKindOf } from '@kandle/market/indicator/indicators';
import { BUCKET_MS, bucketOf } from '@kandle/market/view/buckets';
import { createRunAll } from '@kandle/runtime/run-all';
import type { Client } from 'cassandra-driver';
import type { Collector, Sample } from './collector.ts';
import { readFeeds } from './feeds.ts';
import { shownSymbols, type SymbolChoice } from './shown-symbols.ts';

/** The gauges and the names that their indicators have in the view. */
export interface IndicatorNames {
  readonly ma: string;
  readonly ema: string;
  readonly rsi: string;
}

/** A symbol, where its rows stand, and when it traded last. */
interface Traded {
  readonly symbol: string;
  readonly shard: string;
  readonly timeMs: number;
}

const MAX_ROWS = 20_000;
const LATEST = `SELECT symbol, shard, time FROM latest WHERE feed = ? LIMIT ${MAX_ROWS}`;
const NEWEST =
  'SELECT * FROM indicators WHERE feed = ? AND shard = ? AND bucket = ? AND symbol = ? ORDER BY symbol DESC, start DESC LIMIT 1';
/** Symbols that are asked for at once. */
const AT_ONCE = 10;

/**
 * The newest indicators of the symbols that have a series of their own, by the view `indicators`; they stay
 * while every function is at zero. A symbol whose indicators are not warm has none, and neither have the
 * symbols that are not shown.
 */
export function createIndicatorsCollector(
  client: Client,
  choice: SymbolChoice,
  names: IndicatorNames,
): Collector {
  const gauges = (
    [
      ['kandle_ma', names.ma],
      ['kandle_ema', names.ema],
      ['kandle_rsi', names.rsi],
    ] as const
  ).map(([gauge, name]): readonly [typeof gauge, string, IndicatorKind | null] => [
    gauge,
    name,
    indicatorKindOf(name),
  ]);

  /** The newest row in the bucket of the symbol's newest trade, or in the one before. */
  async function samplesOf(feed: string, { symbol, shard, timeMs }: Traded): Promise<readonly Sample[]> {
    const own = bucketOf('indicators', timeMs);
    for (const bucket of [own, own - BUCKET_MS.indicators]) {
      const key = [feed, shard, new Date(bucket), symbol];
      const [row] = (await client.execute(NEWEST, key, { isIdempotent: true })).rows;
      if (row === undefined) continue;
      const warm = new Set(String(row['names']).split(' '));
      return gauges.flatMap(([gauge, name, kind]) => {
        const value: unknown = warm.has(name) && kind !== null ? row[kind] : null;
        return typeof value === 'number' ? [{ gauge, labels: { feed, symbol }, value }] : [];
      });
    }
    return [];
  }

  return {
    name: 'indicators',
    server: 'cassandra',
    gauges: {
      kandle_ma: { help: `Newest simple moving average (${names.ma})`, labels: ['feed', 'symbol'] },
      kandle_ema: { help: `Newest exponential moving average (${names.ema})`, labels: ['feed', 'symbol'] },
      kandle_rsi: { help: `Newest relative strength index (${names.rsi})`, labels: ['feed', 'symbol'] },
    },
    async collect() {
      const samples: Sample[] = [];
      const readAll = createRunAll(AT_ONCE);
      for (const feed of await readFeeds(client)) {
        const { rows } = await client.execute(LATEST, [feed], { isIdempotent: true, fetchSize: MAX_ROWS });
        const traded = rows.map((row): Traded => {
          return { symbol: String(row['symbol']), shard: String(row['shard']), timeMs: Number(row['time']) };
        });
        const shown = shownSymbols(
          traded.map(({ symbol }) => symbol),
          choice,
        );
        await readAll(
          traded.filter(({ symbol }) => shown.has(symbol)),
          async (one) => {
            samples.push(...(await samplesOf(feed, one)));
          },
        );
      }
      return samples;
    },
  };
}
