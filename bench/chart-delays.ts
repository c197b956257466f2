import { EventSourceParserStream } from 'eventsource-parser/stream';

/** A candle as it stands in the chart. */
export interface DrawnCandle {
  readonly atMs: number;
  readonly startMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** A candle as it came by the stream, with how many trades are in it. */
export interface StreamedCandle extends DrawnCandle {
  readonly tradeCount: number;
}

/** A trade of the series, with when it was sent. */
export interface SentTrade {
  readonly sentMs: number;
  readonly startMs: number;
}

/** A trade that a candle was seen to end with. */
export interface SeenTrade {
  readonly candle: StreamedCandle;
  readonly sentMs: number;
}

/**
 * The newest trade of each candle that came with more trades than the one before. A shard is taken in order, so
 * a candle of n trades has the first n that were sent of its window.
 */
export function newestTrades(
  streamed: readonly StreamedCandle[],
  sent: readonly SentTrade[],
): readonly SeenTrade[] {
  const windows = Map.groupBy(sent, ({ startMs }) => startMs);
  const counted = new Map<number, number>();
  const seen: SeenTrade[] = [];
  for (const candle of streamed) {
    if (candle.tradeCount <= (counted.get(candle.startMs) ?? 0)) continue;
    counted.set(candle.startMs, candle.tradeCount);
    const trade = windows.get(candle.startMs)?.[candle.tradeCount - 1];
    if (trade !== undefined) seen.push({ candle, sentMs: trade.sentMs });
  }
  return seen;
}

/** From a trade to the moment at which its candle had come by the stream. */
export function delaysToStream(seen: readonly SeenTrade[]): readonly number[] {
  return seen.map(({ candle, sentMs }) => candle.atMs - sentMs);
}

/**
 * From a trade to the moment at which its candle, or one that has more trades, was in the chart.
 *
 * A drawn candle is the newest of those that came until then and look the same. A candle that looks like the
 * one before it is left out: there is nothing new to draw.
 */
export function delaysToChart(seen: readonly SeenTrade[], drawn: readonly DrawnCandle[]): readonly number[] {
  const shownOf = Map.groupBy(drawn, ({ startMs }) => startMs);
  const seenOf = Map.groupBy(seen, ({ candle }) => candle.startMs);
  return [...seenOf].flatMap(([startMs, all]) => {
    const trades = all.filter(({ candle }, n) => n === 0 || !looksLike(candle, all[n - 1]?.candle ?? candle));
    let next = 0;
    return (shownOf.get(startMs) ?? []).flatMap((shown) => {
      const last = trades.findLastIndex(
        ({ candle }) => candle.atMs <= shown.atMs && looksLike(candle, shown),
      );
      const reached = trades.slice(next, last + 1);
      next = Math.max(next, last + 1);
      return reached.map(({ sentMs }) => shown.atMs - sentMs);
    });
  });
}

function looksLike(candle: DrawnCandle, { open, high, low, close }: DrawnCandle): boolean {
  return candle.open === open && candle.high === high && candle.low === low && candle.close === close;
}

type StreamedRow = Pick<StreamedCandle, 'open' | 'high' | 'low' | 'close'> & {
  readonly start: number;
  readonly trade_count: number;
};

/**
 * Notes the candles of a symbol as they leave the query function, until it is aborted: what they are late by is
 * the pipeline's, and what the chart is late by beyond it the page's.
 */
export function listenToCandles(
  origin: string,
  symbol: string,
  signal: AbortSignal,
): readonly StreamedCandle[] {
  const seen: StreamedCandle[] = [];
  const query = new URLSearchParams({ kind: 'candles', symbol });
  let lastId = '';

  async function listenOnce(): Promise<void> {
    const response = await fetch(`${origin}/v1/stream?${query.toString()}`, {
      headers: lastId === '' ? {} : { 'last-event-id': lastId },
      signal,
    });
    const events = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { event, id, data } of events ?? []) {
      lastId = id ?? lastId;
      if (event !== 'candles') continue;
      const { rows } = JSON.parse(data) as { rows: readonly StreamedRow[] };
      for (const { start, trade_count, ...prices } of rows)
        seen.push({ atMs: Date.now(), startMs: start, tradeCount: trade_count, ...prices });
    }
  }

  void (async () => {
    // The stream ends itself every few minutes.
    while (!signal.aborted) await listenOnce().catch(() => undefined);
  })();
  return seen;
}
