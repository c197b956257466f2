import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { createLineReader, type Line as TextLine } from '@kandle/market/feed/ndjson/lines';
import { describeError } from '@kandle/runtime/errors';
import type { OpenLine } from './line.ts';

/** Where a TCP feed is, and how its lines are read. */
export interface TcpLineOptions {
  /** `tcp://host:port` or `tls://host:port`. */
  readonly url: URL;
  readonly maxLineBytes: number;
  /** PEM certificates of now that the other side must be signed by; the system's where there are none. */
  readonly ca: (() => string) | undefined;
  readonly read: (line: TextLine) => readonly [FeedFrame, string];
}

const CONNECT_MS = 10_000;
const CLOSE_MS = 1_000;
const KEEP_ALIVE_MS = 30_000;

/** Opens TCP connections on which every line is a frame. */
export function tcpLine({ url, maxLineBytes, ca, read }: TcpLineOptions): OpenLine {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port);
  const isTls = url.protocol === 'tls:';

  function connect(): Socket {
    if (!isTls) return connectTcp({ host, port });
    // The name of a server is no address.
    const named = isIP(host) === 0 ? { servername: host } : {};
    return connectTls({ host, port, ...named, ...(ca === undefined ? {} : { ca: ca() }) });
  }

  return (events) => {
    const socket = connect();
    const reader = createLineReader(maxLineBytes);
    let fault = '';
    let isOpen = false;
    const deadline = setTimeout(
      () => socket.destroy(new Error(`no answer for ${CONNECT_MS} ms`)),
      CONNECT_MS,
    );
    const tell = (lines: readonly TextLine[]): void => {
      for (const line of lines) events.onFrame(...read(line));
    };
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(deadline);
      isOpen = true;
      events.onOpen();
    });
    socket.on('data', (piece) => {
      const lines = reader.push(piece);
      // Half a line proves nothing: one who sends a byte a minute would never be found out.
      if (lines.length === 0) return;
      events.onAlive();
      tell(lines);
    });
    socket.on('end', () => tell(reader.end()));
    socket.on('error', (error) => {
      fault = describeError(error);
    });
    socket.on('close', () => {
      clearTimeout(deadline);
      events.onClosed('disconnected', fault || (isOpen ? 'the other side has ended' : 'no connection'));
    });

    return {
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      cut() {
        clearTimeout(deadline);
        socket.removeAllListeners();
        socket.on('error', () => undefined);
        socket.destroy();
      },
      async leave() {
        socket.removeAllListeners('data');
        socket.resume();
        socket.end();
        await once(socket, 'close', { signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => undefined);
      },
      ask: null,
    };
  };
}
