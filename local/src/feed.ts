import { formatSymbols, parseSymbols, readSymbol } from '@kandle/market/event/symbol';
import type { Env } from '@kandle/runtime/config';
import type { SimulatorChoice, StartOptions } from './cli-options.ts';
import { StartError } from '@kandle/servers/preflight';
import { startReplayServer } from '@kandle/feeds/replay/replay-server';
import { type Simulator, startSimulator } from '@kandle/feeds/simulator/server';
import { freePort } from '@kandle/servers/ports/ports';

/** Where a run's trades come from. */
export interface Feed {
  readonly name: string;
  readonly symbols: readonly string[];
  /** Trades in the recording, null for a feed without an end. */
  readonly tradeCount: number | null;
  /** True for a recording: the run ends with it. */
  readonly ends: boolean;
  /** The simulated market, if that is the feed. */
  readonly simulator: Simulator | null;
  /** Variables of ingest. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * The feed of a run: a recording, or Finnhub with the user's own key, or else a simulated market.
 *
 * @throws {StartError} If the recording cannot be read, or key and symbols do not fit together.
 */
export async function chooseFeed(
  options: StartOptions,
  env: Env,
  log: (line: string) => void,
): Promise<Feed> {
  if (options.replay !== null) return replayFeed(options.replay, options.speed, log);
  const given = parseSymbols(env['SYMBOLS'] ?? '');
  const symbols = given.map(readSymbol).filter((symbol) => symbol !== null);
  const token = env['FINNHUB_TOKEN'] ?? '';
  const tokenFile = env['FINNHUB_TOKEN_FILE'] ?? '';
  const hasKey = token !== '' || tokenFile !== '';
  const isSimulated = options.simulator.given.length > 0;
  if (isSimulated || (!hasKey && given.length === 0)) return simulatorFeed(options.simulator, log);
  if (!hasKey)
    throw new StartError('SYMBOLS is set but FINNHUB_TOKEN is not: set both, in the environment or in .env');
  if (given.length === 0) {
    throw new StartError(
      'FINNHUB_TOKEN is set but SYMBOLS is not: set SYMBOLS=AAPL,BINANCE:BTCUSDT, for example, in the environment or in .env',
    );
  }
  const bad = given.find((symbol) => readSymbol(symbol) === null);
  if (bad !== undefined)
    throw new StartError(`SYMBOLS: ${JSON.stringify(bad)} is not 1 to 64 bytes of printable text`);
  return {
    name: 'Finnhub',
    symbols,
    tradeCount: null,
    ends: false,
    simulator: null,
    env: {
      SYMBOLS: formatSymbols(symbols),
      ...(token === '' ? { FINNHUB_TOKEN_FILE: tokenFile } : { FINNHUB_TOKEN: token }),
      ...(env['FEED_URL'] === undefined ? {} : { FEED_URL: env['FEED_URL'] }),
      ...(env['NEWS'] === undefined ? {} : { NEWS: env['NEWS'] }),
    },
    close: async () => undefined,
  };
}

async function replayFeed(file: string, speed: number, log: (line: string) => void): Promise<Feed> {
  const server = await startReplayServer({
    file,
    port: await freePort(),
    speed: Number.isFinite(speed) ? speed : 'max',
    onProgress: log,
  });
  return {
    name: `the recording ${file}`,
    symbols: server.symbols,
    tradeCount: server.tradeCount,
    ends: true,
    simulator: null,
    env: {
      FEED_URL: server.url,
      FINNHUB_TOKEN: 'replay',
      SYMBOLS: formatSymbols(server.symbols),
      REPLAY_SPEED: Number.isFinite(speed) ? String(speed) : 'max',
    },
    close: () => server.close(),
  };
}

async function simulatorFeed(choice: SimulatorChoice, log: (line: string) => void): Promise<Feed> {
  const { rate, symbols, seed, silenceMs } = choice;
  const simulator = await startSimulator({ port: 0, seed, rate, symbols, silenceMs, onProgress: log });
  return {
    name: `a simulated market of ${rate.toLocaleString('en')} trades/s`,
    symbols: simulator.symbols,
    tradeCount: null,
    ends: false,
    simulator,
    env: {
      // A feed of its own: its shards, views and candles never mix with a real feed's.
      FEED: 'sim',
      FEED_URL: simulator.url,
      FINNHUB_TOKEN: 'simulator',
      SYMBOLS: formatSymbols(simulator.symbols),
      BOOKS: 'true',
      NEWS: 'true',
    },
    close: () => simulator.close(),
  };
}
