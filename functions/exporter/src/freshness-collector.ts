import type { Client } from 'cassandra-driver';
import type { Collector, Sample } from './collector.ts';
import { readFeeds } from './feeds.ts';
import { OTHER_SYMBOLS, shownSymbols, type SymbolChoice } from './shown-symbols.ts';

/** Most symbols of a feed that are read. */
const MAX_ROWS = 20_000;
const LATEST = `SELECT symbol, time FROM latest WHERE feed = ? LIMIT ${MAX_ROWS}`;

/** When a symbol traded last. */
export interface LatestTrade {
  readonly symbol: string;
  readonly timeMs: number;
}

/** When the symbols of each feed traded last, by the view `latest`: how fresh what people see is. */
export function createFreshnessCollector(client: Client, choice: SymbolChoice): Collector {
  return {
    name: 'freshness',
    server: 'cassandra',
    gauges: {
      kandle_newest_trade_timestamp_seconds: {
        help: 'Event time of the newest trade of a symbol; of all that have no series of their own: other',
        labels: ['feed', 'symbol'],
      },
      kandle_symbols: { help: 'Symbols of a feed that have traded', labels: ['feed'] },
    },
    async collect() {
      const samples: Sample[] = [];
      for (const feed of await readFeeds(client)) {
        const { rows } = await client.execute(LATEST, [feed], { isIdempotent: true, fetchSize: MAX_ROWS });
        const trades = rows.map((row): LatestTrade => {
          const time: unknown = row['time'];
          return { symbol: String(row['symbol']), timeMs: time instanceof Date ? time.getTime() : 0 };
        });
        samples.push(...freshnessOf(feed, trades, choice));
      }
      return samples;
    },
  };
}

/** The samples of a feed: at most one per shown symbol, one for all others, and their number. */
export function freshnessOf(
  feed: string,
  trades: readonly LatestTrade[],
  choice: SymbolChoice,
): readonly Sample[] {
  const shown = shownSymbols(
    trades.map(({ symbol }) => symbol),
    choice,
  );
  const newest = new Map<string, number>();
  for (const { symbol, timeMs } of trades) {
    const label = shown.has(symbol) ? symbol : OTHER_SYMBOLS;
    newest.set(label, Math.max(newest.get(label) ?? 0, timeMs));
  }
  const times = [...newest].map(
    ([symbol, timeMs]): Sample => ({
      gauge: 'kandle_newest_trade_timestamp_seconds',
      labels: { feed, symbol },
      value: timeMs / 1_000,
    }),
  );
  return [...times, { gauge: 'kandle_symbols', labels: { feed }, value: trades.length }];
}
