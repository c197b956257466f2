import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { WebSocket } from 'ws';
import type { MarketSample } from '../vendor/sample.ts';
import { type SocketServer, startSocketServer } from '../vendor/socket-server.ts';

/** A server that speaks the protocol of Yahoo's stream. */
export interface YahooServer extends SocketServer {
  /** Sends samples to whoever has subscribed to them. */
  show(samples: readonly MarketSample[]): void;
}

/** What Yahoo takes of a connection; more is dropped without a word. */
const MAX_SYMBOLS = 100;
const EQUITY = 8;
const PRICE_HINT = 4;

/**
 * Starts the server: no key, no answers, a hundred symbols of a connection, and the last known price of each at
 * once; a message that is none closes the line.
 *
 * @param last What a symbol was last seen at.
 */
export async function startYahooServer(
  port: number,
  last: (symbol: string) => MarketSample | undefined,
): Promise<YahooServer> {
  const subscribed = new Map<WebSocket, Set<string>>();

  function onClient(socket: WebSocket): void {
    const symbols = new Set<string>();
    subscribed.set(socket, symbols);
    socket.on('close', () => subscribed.delete(socket));
    socket.on('message', (data: Buffer) => {
      const request = readRequest(data.toString());
      if (request === null) return socket.close();
      for (const symbol of request.unsubscribe) symbols.delete(symbol);
      for (const symbol of request.subscribe) {
        if (symbols.size >= MAX_SYMBOLS || symbols.has(symbol)) continue;
        symbols.add(symbol);
        const known = last(symbol);
        if (known !== undefined) socket.send(yahooFrame(known));
      }
    });
  }

  const server = await startSocketServer({ port, path: '/?version=2', keyName: null, onClient });
  return {
    ...server,
    show(samples) {
      for (const [socket, symbols] of subscribed) {
        for (const sample of samples) if (symbols.has(sample.symbol)) socket.send(yahooFrame(sample));
      }
    },
  };
}

interface Request {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
}

function readRequest(text: string): Request | null {
  let request: Readonly<Record<string, unknown>>;
  try {
    request = Object(JSON.parse(text));
  } catch {
    return null;
  }
  const { subscribe = [], unsubscribe = [] } = request;
  if (!Array.isArray(subscribe) || !Array.isArray(unsubscribe)) return null;
  return { subscribe: subscribe.map(String), unsubscribe: unsubscribe.map(String) };
}

/** A sample as Yahoo writes it: protobuf in base64 in JSON, and a time of whole seconds in milliseconds. */
export function yahooFrame({ symbol, price, atMs, dayVolume }: MarketSample): string {
  const writer = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(symbol)
    .tag(2, WireType.Bit32)
    .float(price)
    .tag(3, WireType.Varint)
    .sint64(BigInt(Math.floor(atMs / 1_000) * 1_000))
    .tag(6, WireType.Varint)
    .int32(EQUITY)
    .tag(7, WireType.Varint)
    .int32(1);
  // The wire leaves out what is zero.
  if (dayVolume !== null && dayVolume > 0)
    writer.tag(9, WireType.Varint).sint64(BigInt(Math.floor(dayVolume)));
  const bytes = writer.tag(27, WireType.Varint).sint64(BigInt(PRICE_HINT)).finish();
  return JSON.stringify({ type: 'pricing', message: Buffer.from(bytes).toString('base64') });
}
