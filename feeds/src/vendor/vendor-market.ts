import { createRandom } from '@kandle/tooling/random';
import type { MarketSample } from './sample.ts';
import type { VendorServer } from './vendor-server.ts';
import { type VendorName, VENDORS } from './vendor-servers.ts';

/**
 * A made-up market, told by a vendor's server that remembers what it has told: each new connection is told the
 * last seconds again, and what was told in all can be held against what was counted.
 */
export interface VendorMarket {
  readonly name: VendorName;
  /** What tells it, to be spoilt. */
  readonly server: VendorServer;
  /** Variables of ingest that lead to it. */
  readonly env: Readonly<Record<string, string>>;
  /** What was told, each once, in the order in which it was told first; no two are alike. */
  told(): readonly MarketSample[];
  /** Connections so far. */
  connections(): number;
  /** Tells, says only that the line is alive, or nothing at all, until told otherwise. */
  set(mood: 'telling' | 'mute' | 'dead'): void;
  /** Tells what is so much older than now. */
  tellAged(ageMs: number, count: number): void;
  /** Tells the last frames again, on the same line. */
  retell(count: number): void;
  /** Sends texts that are no frames. */
  sendGarbage(texts: readonly string[]): void;
  /** Cuts the line in the middle of a frame. */
  cutWithinFrame(): void;
  /** Most records that may be refused for the garbage and the halves that were sent. */
  refusable(): number;
  /** How much of the past is told to a new connection. */
  setRedelivery(ms: number): void;
  /** The market goes on for so long in a moment. */
  skipAhead(ms: number): void;
  close(): Promise<void>;
}

/** A market, and how it is told. */
export interface VendorMarketOptions {
  /** Of the feed: its shards and series begin with it. */
  readonly feed: string;
  readonly symbols: readonly string[];
  readonly seed: number;
  /** From one entry to the next. */
  readonly everyMs: number;
  /** After a reconnect what was told in the last so many milliseconds before the line was lost comes again. */
  readonly redeliverMs: number;
}

interface Told {
  readonly sample: MarketSample;
  readonly text: string;
  readonly atMs: number;
}

const PULSE_MS = 1_000;
const MAX_GROWTH = 50;

/** Starts the market and its vendor's server. It trades while somebody is connected. */
export async function startVendorMarket(
  name: VendorName,
  options: VendorMarketOptions,
): Promise<VendorMarket> {
  const { feed, symbols, seed, everyMs } = options;
  const server: VendorServer = await VENDORS[name]();
  const random = createRandom(seed);
  const volumes = new Map<string, number>();
  const told: Told[] = [];
  let { redeliverMs } = options;
  let wallOffsetMs = Date.now() - performance.now();
  let connections = 0;
  /** When the last client went; of now while there is one. */
  let lostAtMs = 0;
  let mood: Parameters<VendorMarket['set']>[0] = 'telling';
  let pulseDueMs = 0;
  let refusable = 0;

  const nowMs = (): number => Math.floor(performance.now() + wallOffsetMs);

  function tell(atMs: number): void {
    const symbol = symbols[told.length % symbols.length] ?? '';
    // It always grows: no two looks are alike.
    const dayVolume = (volumes.get(symbol) ?? 1_000) + 1 + random.below(MAX_GROWTH);
    volumes.set(symbol, dayVolume);
    const sample = { symbol, price: (10_000 + random.below(10_000)) / 100, atMs, dayVolume };
    const text = server.frame(sample);
    told.push({ sample, text, atMs: nowMs() });
    server.send(text);
  }

  server.greetBy(() => {
    const oldestMs = lostAtMs - redeliverMs;
    connections += 1;
    return told.filter(({ atMs }) => atMs > oldestMs).map(({ text }) => text);
  });

  const timer = setInterval(() => {
    if (server.clients() === 0) return;
    if (mood !== 'dead') goOn();
    lostAtMs = nowMs();
  }, everyMs);

  function goOn(): void {
    if (nowMs() >= pulseDueMs) {
      pulseDueMs = nowMs() + PULSE_MS;
      server.pulse();
    }
    if (mood === 'telling') tell(nowMs());
  }

  return {
    name,
    server,
    env: { ...server.env, FEED: feed, SYMBOLS: symbols.join(',') },
    told: () => told.map(({ sample }) => sample),
    connections: () => connections,
    set(next) {
      mood = next;
    },
    tellAged(ageMs, count) {
      for (let n = 0; n < count; n++) tell(nowMs() - ageMs);
    },
    retell(count) {
      for (const { text } of told.slice(-count)) server.send(text);
    },
    sendGarbage(texts) {
      for (const text of texts) server.send(text);
      refusable += texts.length;
    },
    cutWithinFrame() {
      const last = told.at(-1);
      if (last === undefined) throw new RangeError('Cannot cut within a frame: there was none');
      server.cutWithin(last.text);
      // Half a line ends as a line.
      refusable += 1;
    },
    refusable: () => refusable,
    setRedelivery(ms) {
      redeliverMs = ms;
    },
    skipAhead(ms) {
      wallOffsetMs += ms;
    },
    async close() {
      clearInterval(timer);
      await server.close();
    },
  };
}
