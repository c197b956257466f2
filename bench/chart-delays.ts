import { EventSourceParserStream } from 'eventsource-parser/stream';

/** The newest candle of a series, each time that it was seen to be another one. */
export interface SeenCandle {
  readonly atMs: number;
  readonly startMs: number;
  readonly close: number;
}

/** A trade of the series, with when it was sent. */
export interface SentTrade {
  readonly sentMs: number;
  readonly startMs: number;
  readonly price: number;
}

/**
 * From each trade that a candle was seen to end with to that moment. Of trades of one price in a window the
 * first counts that was sent after the one before.
 */
export function delaysOf(seen: readonly SeenCandle[], sent: readonly SentTrade[]): readonly number[] {
  const windows = Map.groupBy(sent, ({ startMs }) => startMs);
  const next = new Map<number, number>();
  const delays: number[] = [];
  for (const { atMs, startMs, close } of seen) {
    const trades = windows.get(startMs) ?? [];
    const from = next.get(startMs) ?? 0;
    const found = trades.findIndex(
      ({ price, sentMs }, n) => n >= from && sentMs <= atMs && Math.abs(price - close) < 1e-7,
    );
    if (found < 0) continue;
    next.set(startMs, found + 1);
    delays.push(atMs - (trades[found]?.sentMs ?? Number.NaN));
  }
  return delays;
}

/**
 * Notes the candles of a symbol as they leave the query function, until it is aborted: what they are late by is
 * the pipeline's, and what the chart is late by beyond it the page's.
 */
export function listenToCandles(origin: string, symbol: string, signal: AbortSignal): readonly SeenCandle[] {
  const seen: SeenCandle[] = [];
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
      const { rows } = JSON.parse(data) as { rows: readonly { start: number; close: number }[] };
      for (const { start, close } of rows) seen.push({ atMs: Date.now(), startMs: start, close });
    }
  }

  void (async () => {
    // The stream ends itself every few minutes.
    while (!signal.aborted) await listenOnce().catch(() => undefined);
  })();
  return seen;
}
