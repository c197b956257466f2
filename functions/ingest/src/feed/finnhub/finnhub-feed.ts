import { once } from 'node:events';
import type { GapReason } from '@kandle/market/feed/feed-gap';
import { eventSpanOf, parseFinnhubFrame } from '@kandle/market/feed/finnhub/frame';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { type RawData, WebSocket } from 'ws';
import { backOffMs } from '@kandle/runtime/back-off';
import type { Feed, FeedHandlers } from '../feed.ts';
import { createRedact } from '../redact.ts';

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
  /**
   * A connection that held so long counts as a success; Finnhub may accept one and close it a few seconds
   * later.
   */
  readonly stableMs: number;
  /**
   * Longest frame that is taken, bytes. Up to four times as long it is passed over, beyond that the line ends.
   */
  readonly maxFrameBytes: number;
  /** True if this process has not had a turn for a while, or its machine slept: asked often. */
  readonly hasStoodStill: () => boolean;
  /** A recording can end; a live feed never does. */
  readonly isReplay: boolean;
  /** A number in [0, 1), for the jitter. */
  readonly random: () => number;
  readonly log: Logger;
}

/** Why a replay server closes, with code 1000. */
export const END_OF_RECORDING = 'end of recording';

const HANDSHAKE_MS = 10_000;
const CLOSE_MS = 1_000;
/** What is received at most of a frame, in parts of the longest that is taken. */
const RECEIVED_PARTS = 4;
const STANDSTILL_CHECK_MS = 1_000;
/** How long the vendor has to answer whether the line has outlasted a standstill. */
const PROBE_MS = 10_000;
const PROBE = Buffer.from('still there?');

/** Answers to the handshake that trying again soon would only make worse. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [401, 'the feed does not accept the key: check FINNHUB_TOKEN'],
  [403, 'the feed does not accept the key: check FINNHUB_TOKEN and its plan'],
  [429, 'the feed has too many connections or requests of this key: is it in use elsewhere?'],
]);

/** Builds the client; it connects on `start`. */
export function createFinnhubFeed(options: FinnhubFeedOptions, handlers: FeedHandlers): Feed {
  const {
    token,
    symbols,
    maxFrameBytes,
    silenceMs,
    reconnectMinMs,
    reconnectMaxMs,
    stableMs,
    isReplay,
    log,
  } = options;
  /** Some errors name the address. */
  const redact = createRedact(token);
  let socket: WebSocket | null = null;
  let connection = 0;
  let failures = 0;
  let lost: GapReason | null = null;
  let state: 'running' | 'paused' | 'stopped' = 'running';
  let reconnectTimer: NodeJS.Timeout | undefined;
  let watchdog: NodeJS.Timeout | undefined;
  let stableTimer: NodeJS.Timeout | undefined;
  let standstillTimer: NodeJS.Timeout | undefined;
  /** Set from a standstill until the vendor has answered: what comes before its answer may be old. */
  let probe: NodeJS.Timeout | undefined;

  function connect(): void {
    const url = new URL(options.url);
    url.searchParams.set('token', token);
    const current = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: maxFrameBytes * RECEIVED_PARTS,
      perMessageDeflate: false,
      followRedirects: false,
    });
    socket = current;
    let fault = '';
    let lostBy: GapReason = 'disconnected';
    current.on('open', () => opened(current));
    current.on('message', (data, isBinary) => {
      alive(current);
      handlers.onFrame(...readFrame(data, isBinary));
    });
    current.on('ping', () => alive(current));
    current.on('pong', (data) => {
      if (data.equals(PROBE)) forgetProbe();
      alive(current);
    });
    current.on('unexpected-response', (request, response) => {
      const status = response.statusCode ?? 0;
      request.destroy();
      lose(current, 'disconnected', REFUSALS.get(status) ?? `HTTP ${status}`, REFUSALS.has(status));
    });
    current.on('error', (error) => {
      fault = redact(describeError(error));
      const code = 'code' in error ? String(error.code) : '';
      if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') lostBy = 'frame_refused';
      if (code.startsWith('WS_ERR_')) handlers.onFrame({ kind: 'bad', detail: fault }, '');
    });
    current.on('close', (code, reason) => {
      if (isReplay && code === 1000 && reason.toString() === END_OF_RECORDING) ended(current);
      else lose(current, lostBy, fault || `closed with ${code} ${redact(reason.toString())}`.trim(), false);
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
    options.hasStoodStill();
    standstillTimer = setInterval(() => lookForStandstill(current), STANDSTILL_CHECK_MS);
    handlers.onConnected(connection, lost);
    lost = null;
    if (state === 'paused') current.pause();
  }

  function readFrame(data: RawData, isBinary: boolean): Parameters<FeedHandlers['onFrame']> {
    if (isBinary || !Buffer.isBuffer(data)) return [{ kind: 'bad', detail: 'binary frame' }, ''];
    if (data.length > maxFrameBytes) {
      const text = data.toString('latin1');
      const detail = `frame of ${data.length} bytes, above MAX_FRAME_BYTES (${maxFrameBytes})`;
      return [{ kind: 'refused', detail, span: eventSpanOf(text) }, text];
    }
    const text = data.toString();
    return [parseFinnhubFrame(text), text];
  }

  function alive(current: WebSocket): void {
    watchdog?.refresh();
    lookForStandstill(current);
    if (probe === undefined) handlers.onAlive();
  }

  /**
   * After a standstill what is received may have lain in a buffer since before it, and the line may be long
   * gone: it counts as alive again when the vendor has answered a ping.
   */
  function lookForStandstill(current: WebSocket): void {
    if (!options.hasStoodStill() || isReplay || probe !== undefined) return;
    log.warn({ connection }, 'this process stood still: asking the feed whether the line has outlasted it');
    handlers.onStandstill();
    current.ping(PROBE);
    probe = setTimeout(() => {
      lose(current, 'suspended', `no answer for ${PROBE_MS} ms after a standstill`, false);
    }, PROBE_MS);
  }

  function forgetProbe(): void {
    clearTimeout(probe);
    probe = undefined;
  }

  /** Ends a connection, or an attempt at one; it is heard no more before another one is tried. */
  function lose(current: WebSocket, reason: GapReason, detail: string, isRefused: boolean): void {
    if (socket !== current) return;
    const wasOpen = stableTimer !== undefined;
    const isSuspended = probe !== undefined;
    forget(current);
    if (wasOpen) {
      lost = isSuspended ? 'suspended' : reason;
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
    clearInterval(standstillTimer);
    forgetProbe();
    watchdog = undefined;
    stableTimer = undefined;
    current.removeAllListeners();
    // A connection that is being torn down may still fail; nobody is interested.
    current.on('error', () => undefined);
    current.terminate();
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
