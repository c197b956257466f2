import type { CandleEvent } from '../read/candle-log.ts';
import { type CandleLife, lifeOf } from '../recompute/candle.ts';
import { exactColumns, type ExpectedRow } from '../recompute/expected-window.ts';
import { type Columns, compareColumns, showColumns } from '../values/columns.ts';
import type { Finding, Tally } from '../values/tally.ts';
import type { JudgedWindow } from './compare-window.ts';

/** The newest candle events of one window. */
export interface EventsCase {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly judged: JudgedWindow;
  readonly found: ReadonlyMap<string, CandleEvent>;
  /** The topic may have lost events of this window to its retention. */
  readonly isCut: boolean;
}

/**
 * Compares a window's candles with the newest event of each; returns the symbols whose event is not as it
 * should be.
 */
export function compareEvents(of: EventsCase, tally: Tally): readonly string[] {
  const { shard, windowStartMs, judged, found } = of;
  const wrong: string[] = [];
  const note = (symbol: string, finding: Pick<Finding, 'kind' | 'what' | 'expected' | 'found'>): void => {
    wrong.push(symbol);
    tally.find({ subject: 'market.candles.v1', shard, windowStartMs, symbol, ...finding });
  };
  for (const [symbol, expected] of judged.expected.rows) {
    const row = judged.stored?.rows.get(symbol);
    const life = row === undefined || judged.stored === null ? null : lifeOf(judged.stored, row);
    const event = found.get(symbol);
    const columns = eventColumns(expected, life, event);
    if (event === undefined && of.isCut) {
      tally.skip('market.candles.v1', 'cut by retention');
      continue;
    }
    tally.check('market.candles.v1');
    if (event === undefined) {
      note(symbol, { kind: 'missing', what: 'event', expected: showColumns(columns), found: 'no event' });
      continue;
    }
    const difference = compareColumns(columns, event.columns);
    if (difference !== null) note(symbol, { kind: 'different', ...difference });
  }
  for (const [symbol, event] of found) {
    if (judged.expected.rows.has(symbol) || event.columns['state'] === 'void') continue;
    tally.check('market.candles.v1');
    note(symbol, { kind: 'extra', what: 'event', expected: 'no event', found: showColumns(event.columns) });
  }
  return wrong;
}

function eventColumns(row: ExpectedRow, life: CandleLife | null, event: CandleEvent | undefined): Columns {
  return {
    ...life,
    // Events from before this was part of them do not say it.
    ...(typeof event?.columns['last_trade_ms'] === 'number' ? { last_trade_ms: row.lastTradeMs } : {}),
    ...exactColumns(row),
    price_rank: row.rank ?? 0,
  };
}
