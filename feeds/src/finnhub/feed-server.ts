import { once } from 'node:events';
import { isSymbol } from '@kandle/market/event/symbol';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { type WebSocket, WebSocketServer } from 'ws';

/** A server that takes Finnhub's clients in; what they get is another's business. */
export interface FeedServer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** Finnhub's sign of life, a text frame. */
export const PING_FRAME = '{"type":"ping"}';

const MAX_REQUEST_BYTES = 65_536;

/**
 * Listens on 127.0.0.1 as Finnhub does: a key in the address, whatever it is, opens the door.
 *
 * @param port 0 takes a free one.
 * @param refusal HTTP status that the next client gets instead, null for none.
 * @throws {FatalError} If the port is taken.
 */
export async function startFeedServer(
  port: number,
  onClient: (socket: WebSocket) => void,
  refusal: () => number | null = () => null,
): Promise<FeedServer> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    perMessageDeflate: false,
    maxPayload: MAX_REQUEST_BYTES,
    verifyClient: ({ req }, decide) => {
      const token = URL.parse(req.url ?? '/', 'ws://127.0.0.1')?.searchParams.get('token') ?? '';
      const status = token === '' ? 401 : refusal();
      decide(status === null, status ?? undefined);
    },
  });
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    onClient(socket);
  });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FatalError(`Cannot serve a feed on port ${port}: ${describeError(error)}`, { cause: error });
  }
  const address = server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : port;
  return {
    port: listening,
    url: `ws://127.0.0.1:${listening}`,
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/**
 * Takes a client's message, `{"type":"subscribe","symbol":…}` or `unsubscribe`, into its set of symbols; what
 * is no symbol is answered with Finnhub's error frame.
 *
 * @param suffix Of the requests for another kind than trades: `-news` for `subscribe-news`.
 * @returns False if it is neither.
 */
export function takeRequest(socket: WebSocket, subscribed: Set<string>, text: string, suffix = ''): boolean {
  let message: { readonly type?: unknown; readonly symbol?: unknown };
  try {
    message = Object(JSON.parse(text));
  } catch {
    return false;
  }
  const { type, symbol } = message;
  if (type !== `subscribe${suffix}` && type !== `unsubscribe${suffix}`) return false;
  if (!isSymbol(symbol)) socket.send('{"msg":"Invalid symbol","type":"error"}');
  else if (type === `subscribe${suffix}`) subscribed.add(symbol.trim());
  else subscribed.delete(symbol.trim());
  return true;
}
