import { WINDOW_MS } from '@kandle/market/window/window';
import type { WebSocket } from 'ws';
import { PING_FRAME, startFeedServer, takeRequest } from '../finnhub/feed-server.ts';
import { createBooksAndNews } from './books-and-news.ts';
import { frameText } from './frame-text.ts';
import { DEFAULT_SYMBOLS, type InstrumentKind } from './instruments.ts';
import { createMarket, type SimulatedTrade, STEP_MS } from './market.ts';
import { createRandom } from '@kandle/tooling/random';
import { createSilence } from './silence.ts';

/** A market to simulate. */
export interface SimulatorOptions {
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly seed: number;
  /** Trades a second, over ten seconds; up to 50,000. */
  readonly rate: number;
  /** Number of symbols, 1 to 5,000. */
  readonly symbols?: number;
  /** Falls silent for so long after every 30 seconds of trading, milliseconds; null for never. */
  readonly silenceMs?: number | null;
  /** Told when the market falls silent, when it trades again, and when it leaves out time. */
  readonly onProgress?: (line: string) => void;
  /** Told of the trades of each frame when it is sent, for measurements. */
  readonly onFrame?: (trades: readonly SimulatedTrade[]) => void;
}

/** What a simulator has done. */
export interface SimulatorStats {
  readonly trades: number;
  readonly frames: number;
  readonly isSilent: boolean;
  /** Time that was left out because the client, or this process, could not keep up; milliseconds. */
  readonly skippedMs: number;
}

/** A running market. */
export interface Simulator {
  readonly url: string;
  readonly symbols: readonly string[];
  readonly kinds: readonly InstrumentKind[];
  /** Silent for so many milliseconds, until told otherwise (true), or not any more (false). */
  setSilent(silent: boolean | number): void;
  stats(): SimulatorStats;
  close(): Promise<void>;
}

interface Client {
  readonly socket: WebSocket;
  readonly subscribed: Set<string>;
  /** Symbols whose books and news were asked for, by `subscribe-book` and `subscribe-news`. */
  readonly books: Set<string>;
  readonly news: Set<string>;
}

/**
 * Finnhub sends a ping about once a minute, and between two of them nobody can know whether a quiet line is
 * alive. With one each second the last windows of a market that falls silent are final within seconds, and one
 * can watch it.
 */
const PING_MS = 1_000;
/** Behind by more than this, the market goes on from now instead of catching up. */
const MAX_BEHIND_MS = 1_000;
const MAX_BUFFERED_BYTES = 4_194_304;

/**
 * Starts a market that speaks Finnhub's protocol. It trades while a client is subscribed to any of its symbols;
 * one client at a time, a newer one takes the older one's place. Event times are the wall clock's, moved on by
 * the monotonic one: a clock that is set while it runs changes nothing.
 *
 * @throws {FatalError} If the port is taken.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { seed, rate, symbols = DEFAULT_SYMBOLS, silenceMs = null, onProgress = () => undefined } = options;
  const wallOffsetMs = Date.now() - performance.now();
  const nowMs = (): number => Math.floor(performance.now() + wallOffsetMs);
  const startMs = nowMs();
  const market = createMarket({ seed, rate, symbols, startMs });
  const shown = createBooksAndNews(createRandom(seed + 1), startMs);
  const metrics = { trades: 0, frames: 0, skippedMs: 0 };
  const silence = createSilence(silenceMs, WINDOW_MS);
  let isSilent = false;
  let hasTraded = false;
  let client: Client | null = null;
  let pingDueMs = 0;

  function accept(socket: WebSocket): void {
    client?.socket.terminate();
    const current: Client = { socket, subscribed: new Set(), books: new Set(), news: new Set() };
    client = current;
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      takeRequest(socket, current.subscribed, text);
      takeRequest(socket, current.books, text, '-book');
      takeRequest(socket, current.news, text, '-news');
    });
    socket.on('close', () => {
      if (client === current) client = null;
    });
  }

  function listen(now: number): boolean {
    const before = isSilent;
    isSilent = silence.isSilent(now);
    if (isSilent !== before) onProgress(isSilent ? 'the market falls silent' : 'the market trades again');
    return isSilent;
  }

  function tick(): void {
    const now = nowMs();
    if (client === null || client.subscribed.size === 0) {
      market.skipTo(now);
      return;
    }
    if (!hasTraded) {
      hasTraded = true;
      silence.begin(now);
    }
    if (now >= pingDueMs) {
      client.socket.send(PING_FRAME);
      pingDueMs = now + PING_MS;
    }
    if (listen(now)) market.skipTo(now);
    else {
      trade(client, now);
      show(client, now);
    }
  }

  function trade({ socket, subscribed }: Client, now: number): void {
    const behindMs = now - market.nowMs();
    if (behindMs > MAX_BEHIND_MS) {
      metrics.skippedMs += behindMs;
      onProgress(`the market leaves out ${Math.round(behindMs)} ms: this machine could not keep up`);
      market.skipTo(now);
    }
    while (market.nowMs() + STEP_MS <= now && socket.bufferedAmount < MAX_BUFFERED_BYTES) {
      for (const frame of market.step()) {
        const trades = frame.filter(({ instrument }) => subscribed.has(instrument.symbol));
        if (trades.length === 0) continue;
        socket.send(frameText(trades));
        for (const one of trades) shown.note(one);
        options.onFrame?.(trades);
        metrics.frames += 1;
        metrics.trades += trades.length;
      }
    }
  }

  /** Books and news, as far as they were asked for; a silent market has none. */
  function show({ socket, books, news }: Client, now: number): void {
    if (news.size > 0) {
      const frame = shown.news(now, (symbol) => news.has(symbol));
      if (frame !== null) socket.send(JSON.stringify(frame));
    }
    if (books.size > 0) {
      const frame = shown.books(now, (symbol) => books.has(symbol));
      if (frame !== null) socket.send(JSON.stringify(frame));
    }
  }

  const server = await startFeedServer(options.port, accept);
  const timer = setInterval(tick, STEP_MS);
  return {
    url: server.url,
    symbols: market.instruments.map(({ symbol }) => symbol),
    kinds: market.instruments.map(({ kind }) => kind),
    setSilent(silent) {
      silence.set(silent, nowMs());
      listen(nowMs());
    },
    stats: () => ({ ...metrics, isSilent }),
    async close() {
      clearInterval(timer);
      await server.close();
    },
  };
}
