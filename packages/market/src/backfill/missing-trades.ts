import { isEventTime } from '../event/event-time.ts';
import { readSymbol } from '../event/symbol.ts';
import type { FormatName } from '../feed/format-name.ts';
import { recordFormat } from '../feed/formats.ts';
import type { RawRecord } from '../feed/raw-batch.ts';
import type { VendorRecord } from '../feed/record-format.ts';
import { tradeIdOf } from '../feed/trade-identity.ts';
import { cleanBatch } from '../trade/clean-trades.ts';
import type { CountingRules } from '../trade/counting-rules.ts';
import type { Trade } from '../trade/trade.ts';

/** What a history has of a stretch of time, beside what is counted of it. */
export interface HistoryCase {
  readonly shard: string;
  /** In the order in which they were traded, everything that the history has of this stretch. */
  readonly history: readonly VendorRecord[];
  /** Every trade of the shard that is counted in this stretch. */
  readonly counted: readonly Trade[];
  /** How the feed's records are read, and by which rules they count. */
  readonly format: FormatName | undefined;
  readonly rules: CountingRules | undefined;
}

/** What of a history is missing. */
export interface MissingTrades {
  /** With the id that the trade would have had on the connection, in the history's order. */
  readonly records: readonly RawRecord[];
  /** The trades that they are, in the same order. */
  readonly trades: readonly Trade[];
  /** Those of the history that are counted already, and those that can never count. */
  readonly known: number;
  readonly refused: number;
}

/**
 * The records of a history that are not counted yet.
 *
 * A history is one more connection that tells everything again: the n-th trade with the same values is the n-th
 * that is known of them, so that twins stay two and what is counted is not brought twice. Where a feed gives no
 * ids, what is counted under another id answers for a trade of the same symbol, time, price and size too, once:
 * a vendor's history may spell conditions otherwise than its stream.
 */
export function missingTrades({ shard, history, counted, format, rules }: HistoryCase): MissingTrades {
  const { seeTrade } = recordFormat(format);
  const records: RawRecord[] = [];
  const withOwnId = new Set<string>();
  const occurrences = new Map<string, number>();
  for (const record of history) {
    const { symbol: spelled, eventTimeMs, price, size, conditions, ownId } = seeTrade(record);
    const symbol = readSymbol(spelled);
    if (symbol === null || !isEventTime(eventTimeMs)) continue;
    const tuple = { symbol, eventTimeMs, price, size, conditions, ownId };
    const first = tradeIdOf(tuple, 1);
    const occurrence = (occurrences.get(first) ?? 0) + 1;
    occurrences.set(first, occurrence);
    // With an id of its own a second one is the same trade come again.
    if (ownId !== null && occurrence > 1) continue;
    const id = ownId === null ? tradeIdOf(tuple, occurrence) : first;
    if (ownId !== null) withOwnId.add(id);
    records.push({ id, record });
  }
  const counting = new Map(
    countingTrades(shard, records, { format, rules }).map((trade) => [trade.id, trade]),
  );
  const ids = new Set(counted.map(({ id }) => id));
  /** What is counted under an id that the history does not know, by what was traded. */
  const others = new Map<string, number>();
  for (const trade of counted)
    if (!counting.has(trade.id)) others.set(valuesOf(trade), (others.get(valuesOf(trade)) ?? 0) + 1);
  const trades: Trade[] = [];
  const missing = records.filter(({ id }) => {
    const trade = counting.get(id);
    if (trade === undefined || ids.has(id) || isAnswered(trade)) return false;
    trades.push(trade);
    return true;
  });
  return {
    records: missing,
    trades,
    known: counting.size - missing.length,
    refused: history.length - counting.size,
  };

  function isAnswered(trade: Trade): boolean {
    if (withOwnId.has(trade.id)) return false;
    const left = others.get(valuesOf(trade)) ?? 0;
    if (left > 0) others.set(valuesOf(trade), left - 1);
    return left > 0;
  }
}

/** Judged as transform will, but that nothing is too late. */
function countingTrades(
  shard: string,
  records: readonly RawRecord[],
  { format, rules }: Pick<HistoryCase, 'format' | 'rules'>,
): readonly Trade[] {
  const header = { shard, epoch: 0, sequence: 0, watermarkMs: 0, watermarkBeforeMs: 0, ingestTimeMs: 0 };
  return cleanBatch({ ...header, format, rules, records }, 0).batch.trades;
}

function valuesOf({ symbol, eventTimeMs, priceE8, sizeE8 }: Trade): string {
  return `${eventTimeMs} ${priceE8} ${sizeE8} ${symbol}`;
}
