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

const MAX_ROWS = 20_000;
const LATEST = `SELECT symbol, time FROM latest WHERE feed = ? LIMIT ${MAX_ROWS}`;
const NEWEST =
  'SELECT value FROM indicators WHERE feed = ? AND symbol = ? AND name = ? AND day = ? ORDER BY start DESC LIMIT 1';
const DAY_MS = 86_400_000;
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
  const gauges = [
    ['kandle_ma', names.ma],
    ['kandle_ema', names.ema],
    ['kandle_rsi', names.rsi],
  ] as const;

  /** The newest value on the day of the symbol's newest trade, or on the day before. */
  async function readNewest(
    feed: string,
    symbol: string,
    name: string,
    timeMs: number,
  ): Promise<number | null> {
    for (const dayMs of [timeMs, timeMs - DAY_MS]) {
      const day = new Date(dayMs).toISOString().slice(0, 10);
      const { rows } = await client.execute(NEWEST, [feed, symbol, name, day], { isIdempotent: true });
      const value: unknown = rows[0]?.['value'];
      if (typeof value === 'number') return value;
    }
    return null;
  }

  async function samplesOf(feed: string, symbol: string, timeMs: number): Promise<readonly Sample[]> {
    const values = await Promise.all(gauges.map(([, name]) => readNewest(feed, symbol, name, timeMs)));
    return gauges.flatMap(([gauge], place) => {
      const value = values[place] ?? null;
      return value === null ? [] : [{ gauge, labels: { feed, symbol }, value }];
    });
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
        const times = new Map(rows.map((row) => [String(row['symbol']), Number(row['time'])]));
        const shown = [...shownSymbols([...times.keys()], choice)].flatMap((symbol) => {
          const timeMs = times.get(symbol);
          return timeMs === undefined ? [] : [{ symbol, timeMs }];
        });
        await readAll(shown, async ({ symbol, timeMs }) => {
          samples.push(...(await samplesOf(feed, symbol, timeMs)));
        });
      }
      return samples;
    },
  };
}
