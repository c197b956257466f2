import { bareStock, daysInNewYork, readTicks, TICKS_PER_PAGE } from '@kandle/market/backfill/finnhub-ticks';
import type { VendorRecord } from '@kandle/market/feed/record-format';
import { describeError, FatalError, RetryableError } from '@kandle/runtime/errors';
import { readSecret } from '@kandle/runtime/secret';
import { createVendorClient, type VendorClient } from '@kandle/runtime/vendor-client';
import type { BackfillConfig } from './config.ts';
import { type History, type HistoryQuestion, MAX_HISTORY_RECORDS } from './history.ts';

const FINNHUB_API = 'https://finnhub.io/api/v1';
/** Pages of a day are read until this long after the stretch: trades are reported a little late. */
const LATE_MS = 600_000;
/** Most pages of a symbol's day: 2.5 million trades. */
const MAX_PAGES = 100;

/** What vendors without a history of trades have instead. */
const BARS_ONLY =
  'its history has bars of a minute, no trades: no candle of 5 seconds can be made of them; a recording would do (--from-recording)';
const NO_HISTORY = 'it has no history: a recording would do (--from-recording)';

/**
 * The history of the feed's vendor. Of Finnhub the trades of stocks of the USA; of the others nothing, and the
 * answer says why.
 *
 * @throws {FatalError} If the key is missing.
 */
export function createVendorHistory(config: BackfillConfig): History {
  if (config.VENDOR === 'finnhub') return finnhubHistory(config);
  const note = config.VENDOR === 'ndjson' ? NO_HISTORY : BARS_ONLY;
  return {
    source: config.VENDOR,
    read: () => Promise.resolve({ records: [], covered: () => [], note, hasFailed: false }),
  };
}

function finnhubHistory(config: BackfillConfig): History {
  const apiKey =
    config.FINNHUB_TOKEN_FILE === undefined
      ? config.FINNHUB_TOKEN
      : readSecret(config.FINNHUB_TOKEN_FILE, 'FINNHUB_TOKEN_FILE');
  if (apiKey === undefined)
    throw new FatalError(
      'Cannot ask Finnhub: set FINNHUB_TOKEN or FINNHUB_TOKEN_FILE, or give --from-recording',
    );
  const client = createVendorClient({
    vendor: 'finnhub',
    apiUrl: config.API_URL ?? FINNHUB_API,
    apiKey,
    deadlineMs: config.ANSWER_MS,
    requestsPerMinute: config.REQUESTS_PER_MINUTE,
    limitPauseMs: config.LIMIT_PAUSE_MS,
  });
  return {
    source: 'finnhub',
    async read(question) {
      const records: VendorRecord[] = [];
      const covered = new Set<string>();
      const notes: string[] = [];
      let hasFailed = false;
      for (const symbol of [...question.symbols].toSorted()) {
        if (!bareStock(symbol)) {
          notes.push(`Finnhub has no history of trades of ${symbol}`);
          continue;
        }
        try {
          records.push(...(await readSymbol(client, symbol, question, MAX_HISTORY_RECORDS - records.length)));
          covered.add(symbol);
        } catch (error) {
          if (error instanceof FatalError) throw error;
          hasFailed = true;
          notes.push(describeError(error));
        }
      }
      const { fromMs, toMs } = question;
      return {
        records,
        covered: (symbol) => (covered.has(symbol) ? [[fromMs, toMs]] : []),
        note: notes.join('; '),
        hasFailed,
      };
    },
  };
}

/** A symbol's trades of a stretch, whole or not at all. */
async function readSymbol(
  client: VendorClient,
  symbol: string,
  { fromMs, toMs }: HistoryQuestion,
  max: number,
): Promise<readonly VendorRecord[]> {
  const found: VendorRecord[] = [];
  for (const date of daysInNewYork(fromMs, toMs)) {
    for (let page = 0; ; page++) {
      const query = { symbol, date, limit: String(TICKS_PER_PAGE), skip: String(page * TICKS_PER_PAGE) };
      const ticks = readTicks(await client.get('stock/tick', query), symbol);
      if (ticks === null)
        throw new RetryableError(`Cannot read stock/tick of ${symbol}: it is no list of trades`);
      for (const { eventTimeMs, record } of ticks)
        if (eventTimeMs >= fromMs && eventTimeMs <= toMs) found.push(record);
      if (found.length > max)
        throw new RetryableError(
          `Cannot hold the trades of ${symbol}: more than ${MAX_HISTORY_RECORDS} in one gap`,
        );
      const lastMs = ticks.at(-1)?.eventTimeMs ?? Number.POSITIVE_INFINITY;
      if (ticks.length < TICKS_PER_PAGE || lastMs > toMs + LATE_MS) break;
      if (page >= MAX_PAGES)
        throw new RetryableError(`Cannot read stock/tick of ${symbol}: its day has no end`);
    }
  }
  return found;
}
