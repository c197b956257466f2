import type { StoredTrade } from '../read/stored.ts';
import type { PlacedTrade } from '../recompute/expected-window.ts';
import { hashSumOf } from '../recompute/trade-hash.ts';
import { doubleOf } from '../values/decimal.ts';
import type { Tally } from '../values/tally.ts';

/** The trades of one symbol in one window, as the log and the table `trades` have them. */
export interface TradesCase {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly symbol: string;
  readonly trades: readonly PlacedTrade[];
  readonly found: readonly StoredTrade[];
  /** Persist has taken every batch. */
  readonly isReached: boolean;
  /** The log may lack trades of this window: more rows than it has are no surplus. */
  readonly isCut: boolean;
  /** Transform or persist gave the trade's batch up. */
  readonly isDead: (trade: PlacedTrade) => boolean;
}

/** What is wrong with the rows of a symbol in a window. */
export interface WrongTrades {
  readonly missing: readonly PlacedTrade[];
  readonly extra: readonly StoredTrade[];
  /** With the row that is there. */
  readonly different: readonly { readonly trade: PlacedTrade; readonly row: StoredTrade }[];
}

/** Compares rows of `trades`: one finding for each symbol, window and kind, with count, volume and id hash. */
export function compareTrades(of: TradesCase, tally: Tally): WrongTrades {
  const place = { shard: of.shard, windowStartMs: of.windowStartMs, symbol: of.symbol };
  const found = new Map(of.found.map((row) => [`${row.timeMs} ${row.id}`, row]));
  const expected = new Map<string, PlacedTrade>();
  for (const trade of of.trades) {
    // A look at a market has no row among the trades.
    if (trade.isSampled === true || trade.rank === 3) continue;
    const key = `${trade.eventTimeMs} ${trade.id}`;
    if (!expected.has(key)) expected.set(key, trade);
  }
  const missing: PlacedTrade[] = [];
  const different: WrongTrades['different'][number][] = [];
  for (const [key, trade] of expected) {
    const row = found.get(key);
    if (row === undefined && of.isDead(trade)) tally.skip('trades', 'dead letter not redriven');
    else if (row === undefined && !of.isReached) tally.skip('trades', 'not reached yet');
    else {
      tally.check('trades');
      if (row === undefined) missing.push(trade);
      else if (isOther(trade, row)) different.push({ trade, row });
    }
  }
  const surplus = [...found].filter(([key]) => !expected.has(key)).map(([, row]) => row);
  if (of.isCut) tally.skip('trades', 'cut by retention', surplus.length);
  const extra = of.isCut ? [] : surplus;
  tally.check('trades', extra.length);

  const all = (kind: 'missing' | 'extra' | 'different', ids: readonly string[]): void => {
    if (ids.length === 0) return;
    tally.find({
      subject: 'trades',
      kind,
      count: ids.length,
      ...place,
      what: `${ids.length} of ${expected.size}: ${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', …' : ''}`,
      expected: summaryOf(
        [...expected.values()].map((trade) => ({
          id: trade.id,
          size: doubleOf(trade.sizeE8),
          price: doubleOf(trade.priceE8),
        })),
      ),
      found: summaryOf(of.found),
    });
  };
  all(
    'missing',
    missing.map(({ id }) => id),
  );
  all(
    'extra',
    extra.map(({ id }) => id),
  );
  all(
    'different',
    different.map(({ trade }) => trade.id),
  );
  return { missing, extra, different };
}

/** Of a trade without conditions, the rank is nowhere. */
function isOther(trade: PlacedTrade, row: StoredTrade): boolean {
  const { conditions = '', rank = 0 } = trade;
  return (
    row.price !== doubleOf(trade.priceE8) ||
    row.size !== doubleOf(trade.sizeE8) ||
    (row.conditions ?? '') !== conditions ||
    (row.rank ?? 0) !== rank ||
    (row.backfilled ?? null) !== (trade.backfilled ?? null)
  );
}

function summaryOf(
  rows: readonly { readonly id: string; readonly price: number; readonly size: number }[],
): string {
  const volume = rows.reduce((sum, { size }) => sum + size, 0);
  const prices = rows.reduce((sum, { price }) => sum + price, 0);
  return `count ${rows.length}, volume ${volume}, price sum ${prices}, id hash ${hashSumOf(rows.map(({ id }) => id))}`;
}
