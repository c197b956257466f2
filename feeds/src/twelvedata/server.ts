import type { WebSocket } from 'ws';
import type { MarketSample } from '../vendor/sample.ts';
import { type SocketServer, startSocketServer } from '../vendor/socket-server.ts';

/** A server that speaks Twelve Data's WebSocket protocol. */
export interface TwelveDataServer extends SocketServer {
  /** Sends samples to whoever has subscribed to them. */
  show(samples: readonly MarketSample[]): void;
}

/**
 * Starts the server, with an answer to each subscription (`ok`, `warning`, `error`), to each heartbeat, and
 * whole seconds as times.
 *
 * @param knows Whether a symbol can be subscribed to.
 */
export async function startTwelveDataServer(
  port: number,
  knows: (symbol: string) => boolean,
): Promise<TwelveDataServer> {
  const subscribed = new Map<WebSocket, Set<string>>();

  function onClient(socket: WebSocket): void {
    const symbols = new Set<string>();
    subscribed.set(socket, symbols);
    socket.on('close', () => subscribed.delete(socket));
    socket.on('message', (data: Buffer) => socket.send(JSON.stringify(answer(symbols, data.toString()))));
  }

  function answer(symbols: Set<string>, text: string): unknown {
    const { action, params } = readRequest(text);
    const asked = params.split(',').filter((symbol) => symbol !== '');
    if (action === 'heartbeat') return { event: 'heartbeat', status: 'ok' };
    if (action === 'reset') {
      symbols.clear();
      return { event: 'reset-status', status: 'ok' };
    }
    if (action === 'unsubscribe') {
      for (const symbol of asked) symbols.delete(symbol);
      return { event: 'unsubscribe-status', status: 'ok', success: asked.map(named), fails: null };
    }
    if (action !== 'subscribe') return { status: 'error', code: 400, message: 'unknown action' };
    const success = asked.filter(knows);
    const fails = asked.filter((symbol) => !knows(symbol));
    for (const symbol of success) symbols.add(symbol);
    return {
      event: 'subscribe-status',
      status: fails.length === 0 ? 'ok' : success.length === 0 ? 'error' : 'warning',
      success: success.length === 0 ? null : success.map(named),
      fails: fails.length === 0 ? null : fails.map(named),
    };
  }

  const server = await startSocketServer({ port, path: '/v1/quotes/price', keyName: 'apikey', onClient });
  return {
    ...server,
    show(samples) {
      for (const [socket, symbols] of subscribed) {
        for (const sample of samples) if (symbols.has(sample.symbol)) socket.send(twelveDataFrame(sample));
      }
    },
  };
}

function named(symbol: string): { readonly symbol: string } {
  return { symbol };
}

function readRequest(text: string): { readonly action: unknown; readonly params: string } {
  let request: { readonly action?: unknown; readonly params?: { readonly symbols?: unknown } };
  try {
    request = Object(JSON.parse(text));
  } catch {
    return { action: null, params: '' };
  }
  const symbols = request.params?.symbols;
  return { action: request.action, params: typeof symbols === 'string' ? symbols : '' };
}

/** A sample as Twelve Data writes it. */
export function twelveDataFrame({ symbol, price, atMs, dayVolume }: MarketSample): string {
  return JSON.stringify({
    event: 'price',
    symbol,
    exchange: 'Simulated',
    type: 'Common Stock',
    timestamp: Math.floor(atMs / 1_000),
    price,
    ...(dayVolume === null ? {} : { day_volume: dayVolume }),
  });
}
