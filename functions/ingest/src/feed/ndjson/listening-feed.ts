import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls';
import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import type { GapReason } from '@kandle/market/feed/feed-gap';
import { createLineReader, type Line, type LineReader } from '@kandle/market/feed/ndjson/lines';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import type { Feed, FeedHandlers } from '../feed.ts';

/** Where a feed listens, for whom, and how lines are read. */
export interface ListeningFeedOptions {
  /** `tcp-listen://host:port` or `tls-listen://host:port`. */
  readonly url: URL;
  /** PEM texts of now, for TLS. */
  readonly certificate: (() => Certificate) | null;
  readonly maxLineBytes: number;
  /** Connections that are taken at a time; more are closed at once. */
  readonly maxConnections: number;
  /** A connection without a whole line for so long is closed, milliseconds. */
  readonly silenceMs: number;
  /** How long to wait when the port is taken, milliseconds. */
  readonly retryMs: number;
  readonly hasStoodStill: () => boolean;
  readonly read: (line: Line) => readonly [FeedFrame, string];
  readonly log: Logger;
}

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

interface Client {
  readonly socket: Socket;
  readonly reader: LineReader;
  lineAtMs: number;
}

const LOOK_MS = 1_000;
/** Refused connections that are told in the log: the first of each minute. */
const TELL_MS = 60_000;

/**
 * A feed that waits for others to connect, any number up to its bound at a time. All of them together are one
 * connection to who takes their records: it begins with the first of them and ends with the last.
 */
export function createListeningFeed(options: ListeningFeedOptions, handlers: FeedHandlers): Feed {
  const { url, certificate, maxLineBytes, maxConnections, silenceMs, read, log } = options;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port);
  const clients = new Set<Client>();
  let server: Server | null = null;
  let shown: Certificate | null = null;
  let connection = 0;
  let lost: GapReason | null = null;
  let state: 'running' | 'paused' | 'stopped' = 'running';
  let lookTimer: NodeJS.Timeout | undefined;
  let retryTimer: NodeJS.Timeout | undefined;
  let refused = 0;
  let toldAtMs = Number.NEGATIVE_INFINITY;

  function accept(socket: Socket): void {
    const client: Client = { socket, reader: createLineReader(maxLineBytes), lineAtMs: performance.now() };
    clients.add(client);
    if (clients.size === 1) {
      connection += 1;
      handlers.onConnected(connection, lost);
      lost = null;
    }
    log.info({ connection, clients: clients.size }, 'somebody sends to the feed');
    socket.on('data', (piece) => take(client, client.reader.push(piece)));
    socket.on('end', () => take(client, client.reader.end()));
    socket.on('error', (error) => log.warn(`a connection to the feed broke: ${describeError(error)}`));
    socket.on('close', () => leave(client, 'disconnected'));
    if (state === 'paused') socket.pause();
  }

  function take(client: Client, lines: readonly Line[]): void {
    if (lines.length === 0 || !clients.has(client)) return;
    client.lineAtMs = performance.now();
    handlers.onAlive();
    for (const line of lines) handlers.onFrame(...read(line));
  }

  function leave(client: Client, reason: GapReason): void {
    if (!clients.delete(client)) return;
    client.socket.destroy();
    if (clients.size > 0) return;
    lost = reason;
    handlers.onDisconnected();
    if (state !== 'stopped') handlers.onWaiting('nobody is connected', 0, false);
  }

  /** Shows a certificate that was changed to whoever connects from now on. */
  function renewCertificate(): void {
    const next = certificate?.();
    if (!(server instanceof TlsServer) || next === undefined) return;
    if (next.cert === shown?.cert && next.key === shown.key) return;
    try {
      server.setSecureContext(next);
      shown = next;
    } catch {
      // One half of it is still the old one: the next look finds both.
    }
  }

  function look(): void {
    renewCertificate();
    if (options.hasStoodStill() && clients.size > 0) {
      log.warn('this process stood still: everybody is to connect again');
      handlers.onStandstill();
      for (const client of clients) leave(client, 'suspended');
    }
    const nowMs = performance.now();
    for (const client of clients) {
      if (state !== 'running') client.lineAtMs = nowMs;
      else if (nowMs - client.lineAtMs > silenceMs) {
        log.warn(`a connection to the feed had no whole line for ${silenceMs} ms: closed`);
        leave(client, 'silent');
      }
    }
    if (refused > 0 && nowMs - toldAtMs >= TELL_MS) {
      log.warn(
        { refused },
        `connections were refused: there are ${maxConnections} already (MAX_CONNECTIONS)`,
      );
      refused = 0;
      toldAtMs = nowMs;
    }
  }

  function listen(): void {
    shown = certificate?.() ?? null;
    server = shown === null ? createTcpServer(accept) : createTlsServer({ ...shown }, accept);
    server.maxConnections = maxConnections;
    server.on('drop', () => {
      refused += 1;
    });
    // A client that speaks no TLS.
    server.on('tlsClientError', () => undefined);
    server.on('listening', () => log.info({ host, port }, 'the feed listens'));
    server.on('error', (error) => {
      const words = `Cannot listen on ${host}:${port}: ${describeError(error)}`;
      log.error(words);
      handlers.onWaiting(words, options.retryMs, false);
      retryTimer = setTimeout(listen, options.retryMs);
    });
    server.listen({ host, port });
  }

  return {
    start() {
      options.hasStoodStill();
      lookTimer = setInterval(look, LOOK_MS);
      listen();
    },
    pause() {
      if (state !== 'running') return;
      state = 'paused';
      for (const { socket } of clients) socket.pause();
    },
    resume() {
      if (state !== 'paused') return;
      state = 'running';
      for (const { socket } of clients) socket.resume();
    },
    async stop() {
      state = 'stopped';
      clearInterval(lookTimer);
      clearTimeout(retryTimer);
      const closed = Promise.withResolvers<void>();
      if (server === null) closed.resolve();
      else server.close(() => closed.resolve());
      for (const client of clients) leave(client, 'disconnected');
      await closed.promise;
    },
  };
}
