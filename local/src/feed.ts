import { isSymbol } from '@kandle/market/symbol';
import type { Env } from '@kandle/runtime/config';
import type { StartOptions } from './cli-options.ts';
import { StartError } from './preflight.ts';
import { startReplayServer } from './replay-server.ts';
import { freePort } from './ports.ts';

/** Where a run's trades come from. */
export interface Feed {
  readonly name: string;
  readonly symbols: readonly string[];
  /** Trades in the recording, null for a feed without an end. */
  readonly tradeCount: number | null;
  /** True for a recording: the run ends with it. */
  readonly ends: boolean;
  /** Variables of ingest; null when there is nothing to ingest. */
  readonly env: Readonly<Record<string, string>> | null;
  close(): Promise<void>;
}

/**
 * The feed of a run: a recording, or Finnhub with the user's own key, or none.
 *
 * @throws {StartError} If the recording cannot be read, or key and symbols do not fit together.
 */
export async function chooseFeed(
  options: StartOptions,
  env: Env,
  log: (line: string) => void,
): Promise<Feed> {
  if (options.replay !== null) return replayFeed(options.replay, options.speed, log);
  const symbols = (env['SYMBOLS'] ?? '')
    .split(',')
    .map((symbol) => symbol.trim())
    .filter((symbol) => symbol !== '');
  const token = env['FINNHUB_TOKEN'] ?? '';
  const tokenFile = env['FINNHUB_TOKEN_FILE'] ?? '';
  const hasKey = token !== '' || tokenFile !== '';
  if (!hasKey && symbols.length === 0) {
    return {
      name: 'no feed',
      symbols: [],
      tradeCount: null,
      ends: false,
      env: null,
      close: async () => undefined,
    };
  }
  if (!hasKey)
    throw new StartError('SYMBOLS is set but FINNHUB_TOKEN is not: set both, in the environment or in .env');
  if (symbols.length === 0) {
    throw new StartError(
      'FINNHUB_TOKEN is set but SYMBOLS is not: set SYMBOLS=AAPL,BINANCE:BTCUSDT, for example, in the environment or in .env',
    );
  }
  const [bad] = symbols.filter((symbol: string) => !isSymbol(symbol));
  if (bad !== undefined) throw new StartError(`SYMBOLS: '${bad}' is not a symbol as Finnhub spells them`);
  return {
    name: 'Finnhub',
    symbols,
    tradeCount: null,
    ends: false,
    env: {
      SYMBOLS: symbols.join(','),
      ...(token === '' ? { FINNHUB_TOKEN_FILE: tokenFile } : { FINNHUB_TOKEN: token }),
      ...(env['FEED_URL'] === undefined ? {} : { FEED_URL: env['FEED_URL'] }),
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
    env: {
      FEED_URL: server.url,
      FINNHUB_TOKEN: 'replay',
      SYMBOLS: server.symbols.join(','),
      REPLAY_SPEED: Number.isFinite(speed) ? String(speed) : 'max',
    },
    close: () => server.close(),
  };
}
