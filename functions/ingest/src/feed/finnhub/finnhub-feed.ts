import { once } from 'node:events';
import type { GapReason } from '@kandle/market/feed/feed-gap';
import { parseFinnhubFrame } from '@kandle/market/feed/finnhub/frame';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { WebSocket } from 'ws';
import { backOffMs } from '@kandle/runtime/back-off';
import type { Feed, FeedHandlers } from '../feed.ts';

/** How to connect to Finnhub, or to a server that speaks its protocol. Durations in milliseconds. */
export interface FinnhubFeedOptions {
  readonly url: string;
  /** The key; it goes into the address only, never into a log or an error. */
  readonly token: string;
  readonly symbols: readonly string[];
  /** Further subscriptions of each symbol beside its trades, such as `subscribe-news`. */
  readonly subscriptions: readonly string[];
  /** No frame of any kind for so long means that the line is dead. */
  readonly silenceMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** A connection that held so long counts as a success; Finnhub may accept one and close it a few seconds later. */
  readonly stableMs: number;
  /** A recording can end; a live feed never does. */
  readonly isReplay: boolean;
  /** A number in [0, 1), for the jitter. */
  readonly random: () => number;
  readonly log: Logger;
}

/** Why a replay server closes, with code 1000. */
export const END_OF_RECORDING = 'end of recording';

/** Longest frame: the recorded ones with 707 trades are 55 KB. */
const MAX_FRAME_BYTES = 1_048_576;
const HANDSHAKE_MS = 10_000;
const CLOSE_MS = 1_000;
/** Answers to the handshake that trying again soon would only make worse. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [401, 'the feed does not accept the key: check FINNHUB_TOKEN'],
  [403, 'the feed does not accept the key: check FINNHUB_TOKEN and its plan'],
  [429, 'the feed has too many connections or requests of this key: is it in use elsewhere?'],
]);

/** Builds the client; it connects on `start`. */
export function createFinnhubFeed(options: FinnhubFeedOptions, handlers: FeedHandlers): Feed {
  const { token, symbols, silenceMs, reconnectMinMs, reconnectMaxMs, stableMs, isReplay, log } = options;
  let socket: WebSocket | null = null;
  let connection = 0;
  let failures = 0;
  let lost: GapReason | null = null;
  let state: 'running' | 'paused' | 'stopped' = 'running';
  let reconnectTimer: NodeJS.Timeout | undefined;
  let watchdog: NodeJS.Timeout | undefined;
  let stableTimer: NodeJS.Timeout | undefined;

  function connect(): void {
    const url = new URL(options.url);
    url.searchParams.set('token', token);
    const current = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
    socket = current;
    let fault = '';
    current.on('open', () => opened(current));
    current.on('message', (data, isBinary) => {
      alive();
      if (isBinary || !Buffer.isBuffer(data)) {
        handlers.onFrame({ kind: 'bad', detail: 'binary frame' }, '');
        return;
      }
      const text = data.toString();
      handlers.onFrame(parseFinnhubFrame(text), text);
    });
    current.on('ping', alive);
    current.on('pong', alive);
    current.on('unexpected-response', (request, response) => {
      const status = response.statusCode ?? 0;
      request.destroy();
      lose(current, 'disconnected', REFUSALS.get(status) ?? `HTTP ${status}`, REFUSALS.has(status));
    });
    current.on('error', (error) => {
      fault = redact(describeError(error));
      if ('code' in error && String(error.code).startsWith('WS_ERR_')) {
        handlers.onFrame({ kind: 'bad', detail: fault }, '');
      }
    });
    current.on('close', (code, reason) => {
      if (isReplay && code === 1000 && reason.toString() === END_OF_RECORDING) ended(current);
      else
        lose(
          current,
          'disconnected',
          fault || `closed with ${code} ${redact(reason.toString())}`.trim(),
          false,
        );
    });
  }

  function opened(current: WebSocket): void {
    connection += 1;
    for (const type of ['subscribe', ...options.subscriptions]) {
      for (const symbol of symbols) current.send(JSON.stringify({ type, symbol }));
    }
    log.info({ connection, symbols: symbols.length }, 'feed connected');
    stableTimer = setTimeout(() => {
      failures = 0;
    }, stableMs);
    watchdog = setTimeout(() => {
      if (state === 'running') lose(current, 'silent', `no frame for ${silenceMs} ms`, false);
    }, silenceMs);
    handlers.onConnected(connection, lost);
    lost = null;
    if (state === 'paused') current.pause();
  }

  function alive(): void {
    watchdog?.refresh();
    handlers.onAlive();
  }

  /** Ends a connection, or an attempt at one; it is heard no more before another one is tried. */
  function lose(current: WebSocket, reason: GapReason, detail: string, isRefused: boolean): void {
    if (socket !== current) return;
    const wasOpen = stableTimer !== undefined;
    forget(current);
    if (wasOpen) {
      lost = reason;
      handlers.onDisconnected();
    }
    if (state === 'stopped') return;
    const waitMs = isRefused
      ? reconnectMaxMs
      : backOffMs(failures, options.random(), { firstMs: reconnectMinMs, maxMs: reconnectMaxMs });
    failures += 1;
    const line = `${wasOpen ? 'feed lost' : 'Cannot connect to the feed'}: ${detail}`;
    log[isRefused ? 'error' : 'warn']({ connection, waitMs }, line);
    reconnectTimer = setTimeout(connect, waitMs);
  }

  function ended(current: WebSocket): void {
    if (socket !== current) return;
    forget(current);
    handlers.onDisconnected();
    handlers.onEnd();
  }

  function forget(current: WebSocket): void {
    socket = null;
    clearTimeout(watchdog);
    clearTimeout(stableTimer);
    watchdog = undefined;
    stableTimer = undefined;
    current.removeAllListeners();
    // A connection that is being torn down may still fail; nobody is interested.
    current.on('error', () => undefined);
    current.terminate();
  }

  /** Some errors name the address. */
  function redact(text: string): string {
    return text.replaceAll(token, '***').replaceAll(encodeURIComponent(token), '***');
  }

  return {
    start: connect,
    pause() {
      if (state !== 'running') return;
      state = 'paused';
      if (socket?.readyState === WebSocket.OPEN) socket.pause();
    },
    resume() {
      if (state !== 'paused') return;
      state = 'running';
      socket?.resume();
      watchdog?.refresh();
    },
    async stop(goodbye) {
      state = 'stopped';
      clearTimeout(reconnectTimer);
      const current = socket;
      if (current === null) return;
      if (goodbye && current.readyState === WebSocket.OPEN) {
        current.removeAllListeners('message');
        current.close(1000);
        current.resume();
        // Whether the server answers in time or not, the connection ends below.
        await once(current, 'close', { signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => undefined);
      }
      if (socket === current) forget(current);
    },
  };
}
