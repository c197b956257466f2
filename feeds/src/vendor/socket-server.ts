import { once } from 'node:events';
import { createServer } from 'node:http';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { type WebSocket, WebSocketServer } from 'ws';

/** How a vendor's server takes clients in. */
export interface SocketServerOptions {
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** Path and query of the address that clients are given, such as `/v1/quotes/price`. */
  readonly path: string;
  /** The parameter of the address that holds a key, any key; null if none is asked for. */
  readonly keyName: string | null;
  readonly onClient: (socket: WebSocket) => void;
}

/** A server that clients are connected to, and what may go wrong with it. */
export interface SocketServer {
  readonly url: string;
  readonly clients: ReadonlySet<WebSocket>;
  /** Number of handshakes so far, the refused ones too. */
  handshakes(): number;
  /** Answers handshakes with this HTTP status, until told otherwise. */
  refuse(status: number | null): void;
  /** Takes clients in and closes them at once, until told otherwise. */
  closeAtOnce(isSo: boolean): void;
  /** What each new client is sent at once. */
  greetBy(texts: () => readonly string[]): void;
  close(): Promise<void>;
}

const MAX_REQUEST_BYTES = 1_048_576;

/** Listens on 127.0.0.1. @throws {FatalError} If the port is taken. */
export async function startSocketServer(options: SocketServerOptions): Promise<SocketServer> {
  const { path, keyName } = options;
  const http = createServer();
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_REQUEST_BYTES,
  });
  let handshakes = 0;
  let refusal: number | null = null;
  let closesAtOnce = false;
  let greeting: () => readonly string[] = () => [];
  http.on('upgrade', (request, socket, head) => {
    handshakes += 1;
    // A client that is refused cuts the line, sometimes before it has read the answer.
    socket.on('error', () => undefined);
    const given = URL.parse(request.url ?? '/', 'ws://127.0.0.1')?.searchParams.get(keyName ?? '') ?? '';
    const status = keyName !== null && given === '' ? 401 : refusal;
    if (status !== null) {
      socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    server.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => undefined);
      if (closesAtOnce) return client.close(1008);
      options.onClient(client);
      for (const text of greeting()) client.send(text);
    });
  });
  http.listen(options.port, '127.0.0.1');
  try {
    await once(http, 'listening');
  } catch (error) {
    throw new FatalError(`Cannot serve a feed on port ${options.port}: ${describeError(error)}`, {
      cause: error,
    });
  }
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `ws://127.0.0.1:${port}${path}`,
    clients: server.clients,
    handshakes: () => handshakes,
    refuse(status) {
      refusal = status;
    },
    closeAtOnce(isSo) {
      closesAtOnce = isSo;
    },
    greetBy(texts) {
      greeting = texts;
    },
    async close() {
      for (const client of server.clients) client.terminate();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}
