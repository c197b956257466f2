import { FINNHUB } from '../finnhub/format.ts';
import type { RecordFormat } from '../record-format.ts';

/**
 * Trades, books and news that ingest mapped from a feed of JSON lines: by the names that Finnhub gives them,
 * and `i`, the trade's own id where the feed has one.
 */
export const MAPPED_TRADES: RecordFormat = {
  ...FINNHUB,
  name: 'trades',
  seeTrade: (record) => ({ ...FINNHUB.seeTrade(record), ownId: ownIdOf(record['i']) }),
};

function ownIdOf(id: unknown): string | null {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null;
}
