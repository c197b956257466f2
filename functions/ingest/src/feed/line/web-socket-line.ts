import { once } from 'node:events';
import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import type { GapReason } from '@kandle/market/feed/feed-gap';
import type { EventSpan } from '@kandle/market/feed/outage';
import { describeError } from '@kandle/runtime/errors';
import { type RawData, WebSocket } from 'ws';
import { createRedact } from '../redact.ts';
import type { OpenLine } from './line.ts';

/** What a vendor says over a WebSocket, and how it is spoken to. */
export interface WebSocketProtocol {
  /** Without the key. */
  readonly url: URL;
  /**
   * How the key gets into the address, read anew for each line; it is blotted out of every word about that.
   * Null if there is none.
   */
  readonly key: { readonly parameter: string; readonly read: () => string } | null;
  /** Messages that ask for the symbols, sent when a line has opened. */
  readonly requests: readonly string[];
  /**
   * What is sent from time to time: a message that the vendor wants to hear, or, where the text is null, a
   * ping, whose answer is a sign of life. Null where the vendor sends such signs by itself.
   */
  readonly heartbeat: { readonly text: string | null; readonly everyMs: number } | null;
  /** Answers to the handshake that trying again soon would only make worse, and what to say of them. */
  readonly refusals: ReadonlyMap<number, string>;
  readonly parse: (text: string) => FeedFrame;
  /** The range of the event times in a text too long to be read; null if it cannot be known. */
  readonly spanOf: (text: string) => EventSpan | null;
}

/** Why a replay server closes, with code 1000. */
export const END_OF_RECORDING = 'end of recording';

const HANDSHAKE_MS = 10_000;
const CLOSE_MS = 1_000;
/** What is received at most of a frame, in parts of the longest that is taken. */
const RECEIVED_PARTS = 4;
const QUESTION = Buffer.from('still there?');

/**
 * Opens WebSockets of a protocol.
 *
 * @param maxFrameBytes Longest frame that is taken. Up to four times as long it is passed over, beyond that the
 *   line ends.
 */
export function webSocketLine(
  protocol: WebSocketProtocol,
  { maxFrameBytes, isReplay }: { readonly maxFrameBytes: number; readonly isReplay: boolean },
): OpenLine {
  const { requests, heartbeat, refusals, key } = protocol;

  function readFrame(data: RawData, isBinary: boolean): readonly [FeedFrame, string] {
    if (isBinary || !Buffer.isBuffer(data)) return [{ kind: 'bad', detail: 'binary frame' }, ''];
    if (data.length > maxFrameBytes) {
      const text = data.toString('latin1');
      const detail = `frame of ${data.length} bytes, above MAX_FRAME_BYTES (${maxFrameBytes})`;
      return [{ kind: 'refused', detail, span: protocol.spanOf(text) }, text];
    }
    const text = data.toString();
    return [protocol.parse(text), text];
  }

  return (events) => {
    const url = new URL(protocol.url);
    const secret = key?.read() ?? '';
    if (key !== null) url.searchParams.set(key.parameter, secret);
    /** Some errors name the address. */
    const redact = createRedact(secret);
    const socket = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: maxFrameBytes * RECEIVED_PARTS,
      perMessageDeflate: false,
      followRedirects: false,
    });
    let fault = '';
    let lostBy: GapReason = 'disconnected';
    let beating: NodeJS.Timeout | undefined;
    const beat = (text: string | null): void => {
      if (text === null) socket.ping();
      else socket.send(text);
    };
    socket.on('open', () => {
      for (const request of requests) socket.send(request);
      if (heartbeat !== null) beating = setInterval(() => beat(heartbeat.text), heartbeat.everyMs);
      events.onOpen();
    });
    socket.on('message', (data, isBinary) => {
      events.onAlive();
      events.onFrame(...readFrame(data, isBinary));
    });
    socket.on('ping', () => events.onAlive());
    socket.on('pong', (data) => {
      if (data.equals(QUESTION)) events.onAnswer();
      else events.onAlive();
    });
    socket.on('unexpected-response', (request, response) => {
      const status = response.statusCode ?? 0;
      request.destroy();
      const words = refusals.get(status);
      if (words === undefined) events.onClosed('disconnected', `HTTP ${status}`);
      else events.onRefused(words);
    });
    socket.on('error', (error) => {
      fault = redact(describeError(error));
      const code = 'code' in error ? String(error.code) : '';
      if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') lostBy = 'frame_refused';
      if (code.startsWith('WS_ERR_')) events.onFrame({ kind: 'bad', detail: fault }, '');
    });
    socket.on('close', (code, reason) => {
      clearInterval(beating);
      if (isReplay && code === 1000 && reason.toString() === END_OF_RECORDING) events.onEnd();
      else events.onClosed(lostBy, fault || `closed with ${code} ${redact(reason.toString())}`.trim());
    });

    return {
      pause() {
        if (socket.readyState === WebSocket.OPEN) socket.pause();
      },
      resume: () => socket.resume(),
      cut() {
        clearInterval(beating);
        socket.removeAllListeners();
        // A connection that is being torn down may still fail; nobody is interested.
        socket.on('error', () => undefined);
        socket.terminate();
      },
      async leave() {
        if (socket.readyState !== WebSocket.OPEN) return;
        socket.removeAllListeners('message');
        socket.close(1000);
        socket.resume();
        // Whether the server answers in time or not, the connection ends after this.
        await once(socket, 'close', { signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => undefined);
      },
      ask: () => socket.ping(QUESTION),
    };
  };
}
