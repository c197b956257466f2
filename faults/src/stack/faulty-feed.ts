import { PING_FRAME, startFeedServer, takeRequest } from '@kandle/feeds/finnhub/feed-server';
import { frameText } from '@kandle/feeds/simulator/frame-text';
import { createMarket, STEP_MS } from '@kandle/feeds/simulator/market';
import { shardOf } from '@kandle/market/event/shard';

type Socket = Parameters<Parameters<typeof startFeedServer>[1]>[0];

/** How the feed begins. */
export interface FaultyFeedOptions {
  readonly seed: number;
  /** Trades a second. */
  readonly rate: number;
  readonly symbols: number;
  /** After a reconnect the frames of the last so many milliseconds before the line was lost come again. */
  readonly redeliverMs: number;
}

/** What a feed has sent. */
export interface FeedStats {
  /** Trades made, each counted once however often it was sent. */
  readonly trades: number;
  /** Of these, trades that the pipeline refuses: older than it takes, or too far ahead. */
  readonly refused: number;
  readonly connections: number;
  /** Frames sent a second time. */
  readonly redelivered: number;
  /** Most records that may be refused for what this feed sent: each as often as it was sent. */
  readonly refusable: Refusable;
}

/** Numbers of records by what may be held against them. */
export interface Refusable {
  readonly too_late: number;
  readonly too_far_ahead: number;
  /** Garbage: for whatever reason it may be. */
  readonly garbage: number;
}

/** A simulated market whose line can be spoilt. It speaks Finnhub's protocol. */
export interface FaultyFeed {
  readonly url: string;
  readonly symbols: readonly string[];
  stats(): FeedStats;
  /** Trades or not; the line stays alive. */
  setSilent(silent: boolean): void;
  setRate(rate: number): void;
  /** How much of the past comes again at the next connections; what is older than now asked is gone. */
  setRedelivery(ms: number): void;
  /** The line dies without a word: no frame, no ping, until the client comes again. */
  goDead(): void;
  /** The market goes on for so long in a moment, as one does while its client's machine sleeps. */
  skipAhead(ms: number): void;
  /** Breaks the line, which the client sees as 1006. */
  breakLine(): void;
  /** The next connections are refused with this status. */
  refuse(status: number, times: number): void;
  /** Frames that are none. */
  sendGarbage(): void;
  /** Trades that are so much older than now, or, below 0, so far ahead of it. */
  sendAged(ageMs: number, count: number): void;
  /** A trade of a symbol that always comes so late, and shares its shard with a symbol in time. */
  sendDelayed(delayMs: number): void;
  close(): Promise<void>;
}

/** The feed's name, and the number of its shards, as ingest has them. */
export const FEED = 'sim';
const SHARDS = 4;
const PING_MS = 1_000;
const MAX_BUFFERED_BYTES = 4_194_304;
/** Behind by more than this the market goes on from now, as a real one would have gone on without us. */
const MAX_BEHIND_MS = 1_000;
/** Older than this, by the watermark, a trade is refused. */
const HORIZON_MS = 15 * 60_000;
/** Further ahead than this a trade is not believed. One that is less than a minute ahead waits for its time. */
const AHEAD_MS = 5_000;
const NOTHING: Refusable = { too_late: 0, too_far_ahead: 0, garbage: 0 };
const GARBAGE: readonly string[] = [
  'not json at all',
  '[1,2,3]',
  '{"type":"trade"}',
  '{"type":"weather","data":[]}',
  '{"type":"trade","data":[{"s":"no symbol!","p":1,"t":1,"v":1}]}',
];

/** Starts the feed on 127.0.0.1. */
export async function startFaultyFeed(options: FaultyFeedOptions): Promise<FaultyFeed> {
  const { seed, symbols } = options;
  let { redeliverMs } = options;
  let wallOffsetMs = Date.now() - performance.now();
  const nowMs = (): number => Math.floor(performance.now() + wallOffsetMs);
  let market = createMarket({ seed, rate: options.rate, symbols, startMs: nowMs() });
  const traded = market.instruments.map(({ symbol }) => symbol);
  const delayed = neighbourOf(traded[0] ?? '');
  const names = [...traded, delayed];
  const history: Sent[] = [];
  const counts = { trades: 0, refused: 0, connections: 0, redelivered: 0 };
  let refusable = NOTHING;
  let client: Socket | null = null;
  let isSilent = false;
  let isDead = false;
  let refusals = { status: 0, left: 0 };
  /** When the last client went; of now while there is one. */
  let lostAtMs = 0;
  let pingDueMs = 0;
  let marks = 0;

  function send(text: string, mayBeRefused: Partial<Refusable> = {}): void {
    const sent: Sent = { atMs: nowMs(), text, refusable: { ...NOTHING, ...mayBeRefused } };
    history.push(sent);
    client?.send(text);
    refusable = sumOf(refusable, sent.refusable);
  }

  /** Records of prices that the market never makes, so that none has a twin. */
  function sendMarked(symbolsOf: readonly string[], timeMs: number, mayBeRefused: Partial<Refusable>): void {
    if (client === null) throw new Error('Cannot send to a client: nobody is connected');
    const data = symbolsOf.map((symbol) => {
      marks += 1;
      return { c: null, p: 1_000 + marks, s: symbol, t: timeMs, v: 1 };
    });
    send(JSON.stringify({ data, type: 'trade' }), mayBeRefused);
  }

  function forget(): void {
    const oldestMs = lostAtMs - redeliverMs;
    const kept = history.findIndex(({ atMs }) => atMs >= oldestMs);
    history.splice(0, kept < 0 ? history.length : kept);
  }

  function accept(socket: Socket): void {
    client?.terminate();
    client = null;
    const subscribed = new Set<string>();
    counts.connections += 1;
    socket.on('close', () => {
      if (client === socket) client = null;
    });
    socket.on('message', (data: Buffer) => {
      takeRequest(socket, subscribed, data.toString());
      if (client === socket || !names.every((name) => subscribed.has(name))) return;
      client = socket;
      isDead = false;
      forget();
      if (counts.connections === 1) return;
      for (const sent of history) {
        socket.send(sent.text);
        refusable = sumOf(refusable, sent.refusable);
      }
      counts.redelivered += history.length;
    });
  }

  function tick(): void {
    const now = nowMs();
    if (client === null) return market.skipTo(now);
    lostAtMs = now;
    if (isDead) return market.skipTo(now);
    if (now >= pingDueMs) {
      client.send(PING_FRAME);
      pingDueMs = now + PING_MS;
      forget();
    }
    if (isSilent || now - market.nowMs() > MAX_BEHIND_MS) return market.skipTo(now);
    while (market.nowMs() + STEP_MS <= now && client.bufferedAmount < MAX_BUFFERED_BYTES) {
      for (const frame of market.step()) {
        send(frameText(frame));
        counts.trades += frame.length;
      }
    }
  }

  const server = await startFeedServer(0, accept, () => {
    if (refusals.left === 0) return null;
    refusals.left -= 1;
    return refusals.status;
  });
  const timer = setInterval(tick, STEP_MS);
  return {
    url: server.url,
    symbols: names,
    stats: () => ({ ...counts, refusable }),
    setSilent(silent) {
      isSilent = silent;
    },
    setRate(rate) {
      market = createMarket({ seed: seed + rate, rate, symbols, startMs: nowMs() });
    },
    setRedelivery(ms) {
      redeliverMs = ms;
    },
    goDead() {
      isDead = true;
    },
    skipAhead(ms) {
      wallOffsetMs += ms;
      market.skipTo(nowMs());
    },
    breakLine() {
      client?.terminate();
    },
    refuse(status, times) {
      refusals = { status, left: times };
    },
    sendGarbage() {
      for (const text of GARBAGE) client?.send(text);
      client?.send(Buffer.from([0xff, 0xfe, 0x00]));
      refusable = sumOf(refusable, { ...NOTHING, garbage: GARBAGE.length + 1 });
    },
    sendAged(ageMs, count) {
      const tooLate = ageMs > HORIZON_MS ? count : 0;
      const tooFarAhead = ageMs < -AHEAD_MS ? count : 0;
      const symbolsOf = Array.from({ length: count }, (_, n) => traded[n % traded.length] ?? '');
      sendMarked(symbolsOf, nowMs() - ageMs, { too_late: tooLate, too_far_ahead: tooFarAhead });
      counts.trades += count;
      counts.refused += tooLate + tooFarAhead;
    },
    sendDelayed(delayMs) {
      sendMarked([delayed], nowMs() - delayMs, {});
      counts.trades += 1;
    },
    async close() {
      clearInterval(timer);
      await server.close();
    },
  };
}

/** A frame that was sent. */
interface Sent {
  readonly atMs: number;
  readonly text: string;
  readonly refusable: Refusable;
}

function sumOf(a: Refusable, b: Refusable): Refusable {
  return {
    too_late: a.too_late + b.too_late,
    too_far_ahead: a.too_far_ahead + b.too_far_ahead,
    garbage: a.garbage + b.garbage,
  };
}

/** A symbol of the same shard. */
function neighbourOf(symbol: string): string {
  const shard = shardOf(FEED, symbol, SHARDS);
  for (let n = 0; ; n++) {
    const name = `SIM:DELAYED-${n}`;
    if (shardOf(FEED, name, SHARDS) === shard) return name;
  }
}
