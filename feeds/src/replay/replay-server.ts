import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { readSymbol } from '@kandle/market/event/symbol';
import type { RecordingSource } from '@kandle/market/feed/recording-source';
import { describeError, FatalError } from '@kandle/runtime/errors';
import type { WebSocket } from 'ws';
import { PING_FRAME, startFeedServer, takeRequest } from '../finnhub/feed-server.ts';
import { createReplayPosition, type Farewell } from './replay-position.ts';
import {
  entriesOf,
  type RecordedFrame,
  type RecordingFiles,
  readRecording,
  symbolOf,
  surveyRecording,
} from './replay-recording.ts';

/** What is replayed, where and how fast. */
export interface ReplayOptions {
  /** A recording: lines `{"recv_ms":…,"frame":{…}}`, gzip or not; in one file or in parts. */
  readonly file: RecordingFiles;
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** Times the recorded speed, or as fast as the client takes it. */
  readonly speed: number | 'max';
  /** Refuses a file that ends in the middle, instead of playing what is whole. */
  readonly strict?: boolean;
  readonly onProgress?: (line: string) => void;
}

/** A server that plays a recording of any vendor: its frames as they were, around them Finnhub's protocol. */
export interface ReplayServer {
  readonly port: number;
  readonly url: string;
  /** Whose frames they are. */
  readonly source: RecordingSource;
  readonly symbols: readonly string[];
  readonly frameCount: number;
  readonly tradeCount: number;
  /**
   * What was not played, in words: the missing end of the file, symbols nobody asked for, frames nobody takes.
   */
  leftOut(): readonly string[];
  /** Number of frames sent at least once. */
  played(): number;
  /** Resolves when the recording has ended for the first time. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

interface Client {
  readonly socket: WebSocket;
  readonly subscribed: Set<string>;
  readonly left: AbortController;
  isPlaying: boolean;
  hasEnded: boolean;
  askedAtMs: number;
}

/** The end of a recording, with close code 1000. Ingest knows it. */
const END_OF_RECORDING = 'end of recording';
const QUIET_MS = 1_000;
/** How often, in recorded time, the client is told what the recorder's clock said. */
const TELL_CLOCK_MS = 1_000;
/** Behind its pace by more than this, the replay goes on from where it is instead of catching up. */
const MAX_BEHIND_MS = 1_000;
const MAX_BUFFERED_BYTES = 1_048_576;
/** A client that has asked for some symbols, and for no more in this time, has asked for all that it wants. */
const ASKED_ALL_MS = 5_000;
const LOOK_MS = 250;
/** As WebSocket clients close a line on which a message is more than they take. */
const MESSAGE_TOO_BIG = 1009;
const SHOWN_SYMBOLS = 5;

/**
 * Starts the server. It begins to play once a client has subscribed to all the recording's symbols, or to some
 * and to no more for 5 s, goes on where it
 * was after a reconnect, and closes with 1000 `end of recording`; a later client gets the end again. One client
 * at a time: a newer one takes the older one's place. See {@link createReplayPosition} for what is sent again.
 *
 * @throws {FatalError} If the file is no recording, or the port is taken.
 */
export async function startReplayServer(options: ReplayOptions): Promise<ReplayServer> {
  const { file, speed, strict = false, onProgress = () => undefined } = options;
  const { source, symbols, frameCount, tradeCount, leftOut } = await surveyRecording(file);
  if (leftOut !== null && strict)
    throw new FatalError(`Cannot replay ${[file].flat().join(', ')}: ${leftOut}`);
  if (leftOut !== null) onProgress(`the recording is not whole: ${leftOut}; what is whole is played`);
  const unasked = new Set<string>();
  const refused = new Map<number, number>();
  const position = createReplayPosition();
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  let client: Client | null = null;

  async function play(current: Client): Promise<void> {
    const { socket, subscribed, left } = current;
    let index = position.resumeFrom();
    onProgress(
      index === 0
        ? `replay of ${frameCount} frames begins`
        : `replay goes on from frame ${index} of ${frameCount}`,
    );
    const pace = createPace(speed, (text) => socket.send(text));
    for await (const frame of readRecording(file, source, index)) {
      // What is sent again is sent at once.
      if (index >= position.played()) await pace(frame.recvMs, left.signal);
      if (left.signal.aborted) return;
      if (position.isRefused(index)) noteRefused(index, frame);
      const text = position.isRefused(index) ? null : textFor(frame, subscribed, source.vendor === 'finnhub');
      if (text !== null && socket.bufferedAmount > MAX_BUFFERED_BYTES) {
        await new Promise<void>((resolve) => socket.send(text, () => resolve()));
      } else if (text !== null) socket.send(text);
      const isCheckpoint = position.sent(index, frame.text.length, performance.now());
      index += 1;
      if (isCheckpoint) {
        socket.ping(String(index));
        // Lets the client's pongs in.
        await setImmediate();
      }
      if (left.signal.aborted) return;
    }
    socket.ping(String(index));
    onProgress(`replay has ended: ${frameCount} frames`);
    current.hasEnded = true;
    socket.close(1000, END_OF_RECORDING);
    finish();
  }

  function noteRefused(index: number, { trades, text }: RecordedFrame): void {
    if (refused.has(index)) return;
    refused.set(index, trades);
    onProgress(
      `frame ${index} is left out: its ${text.length.toLocaleString('en')} characters are more than the client takes`,
    );
  }

  function begin(current: Client): void {
    current.isPlaying = true;
    for (const symbol of symbols) if (!current.subscribed.has(symbol)) unasked.add(symbol);
    if (unasked.size > 0) onProgress(`left out, because the client does not ask for it: ${shown(unasked)}`);
    play(current).catch((error: unknown) => {
      if (current.left.signal.aborted) return;
      onProgress(`replay stopped: ${describeError(error)}`);
      current.socket.close(1011, 'the recording cannot be read');
    });
  }

  function accept(socket: WebSocket): void {
    if (client !== null && !client.left.signal.aborted) {
      client.left.abort();
      client.socket.terminate();
      position.left('vanished', performance.now());
    }
    const current: Client = {
      socket,
      subscribed: new Set(),
      left: new AbortController(),
      isPlaying: false,
      hasEnded: false,
      askedAtMs: performance.now(),
    };
    client = current;
    socket.on('pong', (data) => {
      if (client === current) position.received(Number(data.toString()));
    });
    socket.on('close', (code) => {
      current.left.abort();
      if (client === current) position.left(farewellOf(code, current), performance.now());
    });
    socket.on('message', (data: Buffer) => {
      if (!takeRequest(socket, current.subscribed, data.toString()) || current.isPlaying) return;
      current.askedAtMs = performance.now();
      if (symbols.every((symbol) => current.subscribed.has(symbol))) begin(current);
    });
  }

  const looking = setInterval(() => {
    if (client === null || client.isPlaying || client.left.signal.aborted || client.subscribed.size === 0)
      return;
    if (performance.now() - client.askedAtMs > ASKED_ALL_MS) begin(client);
  }, LOOK_MS).unref();

  const server = await startFeedServer(options.port, accept);
  return {
    port: server.port,
    url: server.url,
    source,
    symbols,
    frameCount,
    tradeCount,
    leftOut: () => [
      ...(leftOut === null ? [] : [`the recording is not whole: ${leftOut}`]),
      ...(unasked.size === 0 ? [] : [`symbols that nobody asked for: ${shown(unasked)}`]),
      ...[...refused].map(
        ([index, trades]) => `frame ${index} with ${trades.toLocaleString('en')} trades: too big`,
      ),
    ],
    played: () => position.played(),
    finished,
    async close() {
      clearInterval(looking);
      client?.left.abort();
      await server.close();
    },
  };
}

function farewellOf(code: number, { hasEnded }: Client): Farewell {
  if (code === MESSAGE_TOO_BIG) return 'refusal';
  // 1006: the line broke without a word. Our own end is no word of the client either: it may still die.
  return code === 1006 || hasEnded ? 'vanished' : 'goodbye';
}

function shown(symbols: ReadonlySet<string>): string {
  const first = [...symbols].slice(0, SHOWN_SYMBOLS).join(', ');
  return symbols.size > SHOWN_SYMBOLS ? `${first} and ${symbols.size - SHOWN_SYMBOLS} more symbols` : first;
}

/**
 * The frame without the entries of symbols that are not subscribed; null if nothing is left. One of another
 * vendor than Finnhub is sent whole, if anything of it is subscribed.
 */
function textFor(
  { text, symbols }: RecordedFrame,
  subscribed: ReadonlySet<string>,
  isFinnhub: boolean,
): string | null {
  if (symbols.every((symbol) => subscribed.has(symbol))) return text;
  if (!isFinnhub) return symbols.some((symbol) => subscribed.has(symbol)) ? text : null;
  const frame: object = Object(JSON.parse(text));
  const data = entriesOf(frame).filter((entry) => {
    const symbol = readSymbol(symbolOf(entry));
    return symbol === null || subscribed.has(symbol);
  });
  return data.length === 0 ? null : JSON.stringify({ ...frame, data });
}

/**
 * Waits until a frame is due, with a ping for each quiet second. Other pings tell what the recorder's clock
 * said when it received the frame that follows, and, at unlimited speed, where nothing waits, how much recorded
 * time has passed: the client has no other way to know.
 */
function createPace(
  speed: number | 'max',
  send: (text: string) => void,
): (recvMs: number, signal: AbortSignal) => Promise<void> {
  let base: { readonly recvMs: number; readonly atMs: number } | null = null;
  let toldMs: number | null = null;

  function tell(recvMs: number): void {
    const passedMs = recvMs - (toldMs ?? recvMs);
    if (toldMs !== null && passedMs >= 0 && passedMs < TELL_CLOCK_MS) return;
    const passed = speed === 'max' && passedMs > 0 ? { passed_ms: passedMs } : {};
    send(JSON.stringify({ type: 'ping', ...passed, recv_ms: recvMs }));
    toldMs = recvMs;
  }

  return async (recvMs, signal) => {
    base ??= { recvMs, atMs: performance.now() };
    if (speed !== 'max') {
      const dueMs = base.atMs + (recvMs - base.recvMs) / speed;
      let waitMs = dueMs - performance.now();
      if (waitMs < -MAX_BEHIND_MS) base = { recvMs, atMs: performance.now() };
      for (; waitMs >= 1; waitMs = dueMs - performance.now()) {
        await sleep(Math.min(waitMs, QUIET_MS), undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        if (dueMs - performance.now() >= 1) send(PING_FRAME);
      }
    }
    tell(recvMs);
  };
}
