import * as z from 'zod/mini';
import { ask, askRows, CandleSchema, type Series, SymbolSchema } from '../api.ts';
import { type LiveStream, openLiveStream, type StreamState } from '../live-stream.ts';
import { SHORTEST } from './intervals.ts';
import { readClose, readStreamed, type StreamedRow } from './streamed.ts';
import { FEW_MINUTES, type SymbolBoard } from './symbol-board.ts';

/** What is heard of the market. */
export interface MarketSourceEvents {
  /** The board has changed. */
  readonly onBoard: () => void;
  /** Rows of the series that is listened for. */
  readonly onRows: (kind: string, rows: readonly StreamedRow[]) => void;
  /** Something may have been missed: what was read is to be read again. */
  readonly onBegin: () => void;
  readonly onState: (state: StreamState) => void;
}

/** The list of symbols, their last hour, and the stream: they keep the board. */
export interface MarketSource {
  /** @throws {ApiError} If there is no answer. */
  readList(): Promise<void>;
  /** Begins to listen, or listens for another series. */
  listen(series: Series): void;
}

/** The stream of everything is asked for up to so many symbols; of more, of those at the top of the list. */
const MAX_STREAMED = 100;
/** Symbols whose last hour is read. */
const SPARKED = 60;

const RowsSchema = z.object({ rows: z.array(SymbolSchema) });

/** Builds the source; it asks and listens to nothing yet. */
export function createMarketSource(board: SymbolBoard, events: MarketSourceEvents): MarketSource {
  const sparked = new Set<string>();
  let wanted: Series | null = null;
  let stream: LiveStream | null = null;
  let streamed: ReadonlySet<string> | 'all' = new Set();

  /** Opens the stream, or another one where the wanted symbol is not in it. */
  function listen(series: Series): void {
    wanted = series;
    const lines = board.lines(Date.now());
    const isAll = lines.length <= MAX_STREAMED;
    if (streamed === 'all' ? isAll : streamed.has(series.symbol)) return;
    stream?.close();
    const symbols = new Set([series.symbol, ...lines.map(({ symbol }) => symbol)]);
    const names = [...symbols].slice(0, MAX_STREAMED);
    streamed = isAll ? 'all' : new Set(names);
    const query = new URLSearchParams(isAll ? [] : names.map((name) => ['symbol', name]));
    stream = openLiveStream(`/v1/stream?${query.toString()}`, {
      onEvent: take,
      onBegin: events.onBegin,
      onState: events.onState,
    });
  }

  function take(kind: string, data: unknown): void {
    const told = readStreamed(data);
    if (told === null) return;
    const { feed, rows } = told;
    if (wanted?.feed === feed) {
      const { symbol: own } = wanted;
      const mine = rows.filter(({ symbol }) => symbol === own);
      if (mine.length > 0) events.onRows(kind, mine);
    }
    if (kind !== 'candles') return;
    for (const row of rows) {
      const candle = readClose(row);
      if (candle !== null) board.takeClose({ feed, symbol: row.symbol }, candle, SHORTEST.periodMs);
    }
    events.onBoard();
  }

  /** The last hour of the symbols at the top, one after the other: nothing waits for it. */
  async function readSparks(): Promise<void> {
    for (const { key, feed, symbol, timeMs } of board.lines(Date.now()).slice(0, SPARKED)) {
      if (sparked.has(key) || timeMs === 0) continue;
      sparked.add(key);
      const take = async (interval: string, periodMs: number, spanMs: number): Promise<number> => {
        const range = { interval, from: timeMs - spanMs, to: timeMs + 60_000 };
        const rows = await askRows(CandleSchema, '/v1/candles', { feed, symbol, ...range });
        return board.takeCandles({ feed, symbol }, rows, periodMs);
      };
      try {
        if ((await take('1m', 60_000, 3_600_000)) < FEW_MINUTES)
          await take(SHORTEST.name, SHORTEST.periodMs, FEW_MINUTES * 60_000);
      } catch {
        sparked.delete(key);
        return;
      }
      events.onBoard();
    }
  }

  return {
    async readList() {
      const { rows } = await ask(RowsSchema, '/v1/symbols');
      board.takeList(rows);
      events.onBoard();
      void readSparks();
    },
    listen,
  };
}
