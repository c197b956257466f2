import { existsSync, readFileSync } from 'node:fs';
import { formatSymbols, parseSymbols, readSymbol } from '@kandle/market/event/symbol';
import type { Env } from '@kandle/runtime/config';
import type { SimulatorChoice, StartOptions } from './cli-options.ts';
import { StartError } from '@kandle/servers/preflight';
import { envsOfFeeds, FEEDS_FILE, type FeedsFile, readFeedsFile } from './feeds-file.ts';
import { startVendorFeed, type VendorFeed } from './vendor-feeds.ts';
import { startReplayServer } from '@kandle/feeds/replay/replay-server';
import { envOfSource } from '@kandle/feeds/replay/env-of-source';
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
  /** What of a recording is not played, in words. */
  leftOut(): readonly string[];
  /** True once a recording plays; a feed without an end always does. */
  hasBegun(): boolean;
  /** Variables of each process of ingest: one of each feed. */
  readonly envs: readonly Readonly<Record<string, string>>[];
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
  if (options.replay !== null) return replayFeed(options.replay, options, log);
  if (options.vendors.length > 0) return vendorFeeds(options, log);
  const file = readFeedsFile(FEEDS_FILE);
  if (file !== null && options.simulator.given.length === 0) return configuredFeeds(file, env);
  const named = readSymbols(env);
  const symbols = named.map(readSymbol).filter((symbol) => symbol !== null);
  const token = env['FINNHUB_TOKEN'] ?? '';
  const tokenFile = env['FINNHUB_TOKEN_FILE'] ?? '';
  const hasKey = token !== '' || tokenFile !== '';
  const isSimulated = options.simulator.given.length > 0;
  if (isSimulated || (!hasKey && named.length === 0)) return simulatorFeed(options.simulator, log);
  if (!hasKey)
    throw new StartError('SYMBOLS is set but FINNHUB_TOKEN is not: set both, in the environment or in .env');
  if (named.length === 0) {
    throw new StartError(
      'FINNHUB_TOKEN is set but SYMBOLS is not: set SYMBOLS=AAPL,BINANCE:BTCUSDT, for example, in the environment or in .env',
    );
  }
  const refused = named
    .filter((symbol) => readSymbol(symbol) === null)
    .map((symbol) => JSON.stringify(symbol));
  if (symbols.length === 0)
    throw new StartError(
      `SYMBOLS: nothing of it is a symbol, 1 to 64 bytes of printable text: ${refused.join(', ')}`,
    );
  if (refused.length > 0)
    log(`SYMBOLS: left out, because it is not 1 to 64 bytes of printable text: ${refused.join(', ')}`);
  return {
    name: 'Finnhub',
    symbols,
    tradeCount: null,
    ends: false,
    simulator: null,
    ...ENDLESS,
    envs: [
      {
        SYMBOLS: formatSymbols(symbols),
        ...(token === '' ? { FINNHUB_TOKEN_FILE: tokenFile } : { FINNHUB_TOKEN: token }),
        ...(env['FEED_URL'] === undefined ? {} : { FEED_URL: env['FEED_URL'] }),
        ...(env['NEWS'] === undefined ? {} : { NEWS: env['NEWS'] }),
        ...(env['DROP_REPEATED_FRAMES'] === undefined
          ? {}
          : { DROP_REPEATED_FRAMES: env['DROP_REPEATED_FRAMES'] }),
      },
    ],
    close: async () => undefined,
  };
}

/** The symbols that the user has named, with commas between, or in a file, one a line. */
function readSymbols(env: Env): readonly string[] {
  const file = env['SYMBOLS_FILE'] ?? '';
  if (file !== '' && !existsSync(file)) throw new StartError(`SYMBOLS_FILE: there is no file ${file}`);
  const lines = file === '' ? [] : readFileSync(file, 'utf8').split('\n');
  return [
    ...parseSymbols(env['SYMBOLS'] ?? ''),
    ...lines.map((line) => line.trim()).filter((line) => line !== ''),
  ];
}

/** Of a feed without an end. */
const ENDLESS = { leftOut: (): readonly string[] => [], hasBegun: (): boolean => true };

/** Made-up markets that speak vendors' protocols, each a feed of its own. */
async function vendorFeeds({ vendors, simulator }: StartOptions, log: (line: string) => void): Promise<Feed> {
  const started: VendorFeed[] = [];
  for (const vendor of vendors) started.push(await startVendorFeed(vendor, simulator, log));
  return {
    name: started.map(({ name }) => name).join(', and '),
    symbols: started.flatMap(({ symbols }) => symbols),
    tradeCount: null,
    ends: false,
    simulator: null,
    ...ENDLESS,
    envs: started.map(({ env }) => env),
    async close() {
      for (const feed of started) await feed.close();
    },
  };
}

/** The feeds of a configuration file. @throws {StartError} If a key is missing, or a setting is wrong. */
async function configuredFeeds(file: FeedsFile, env: Env): Promise<Feed> {
  const { feeds } = file;
  return {
    name: feeds.map(({ name }) => name).join(', '),
    symbols: feeds.flatMap((feed) => feed.symbols ?? []),
    tradeCount: null,
    ends: false,
    simulator: null,
    ...ENDLESS,
    envs: await envsOfFeeds(file, env),
    close: async () => undefined,
  };
}

async function replayFeed(
  files: readonly string[],
  { speed, strict }: StartOptions,
  log: (line: string) => void,
): Promise<Feed> {
  const server = await startReplayServer({
    file: files,
    port: await freePort(),
    speed: Number.isFinite(speed) ? speed : 'max',
    strict,
    onProgress: log,
  });
  return {
    name: files.length === 1 ? `the recording ${files[0]}` : `a recording in ${files.length} parts`,
    symbols: server.symbols,
    tradeCount: server.tradeCount,
    ends: true,
    simulator: null,
    leftOut: () => server.leftOut(),
    hasBegun: () => server.played() > 0,
    envs: [
      {
        ...envOfSource(server.source),
        FEED_URL: server.url,
        SYMBOLS: formatSymbols(server.symbols),
        REPLAY_SPEED: Number.isFinite(speed) ? String(speed) : 'max',
      },
    ],
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
    ...ENDLESS,
    envs: [
      {
        // A feed of its own: its shards, views and candles never mix with a real feed's.
        FEED: 'sim',
        FEED_URL: simulator.url,
        FINNHUB_TOKEN: 'simulator',
        SYMBOLS: formatSymbols(simulator.symbols),
        BOOKS: 'true',
        NEWS: 'true',
      },
    ],
    close: () => simulator.close(),
  };
}
