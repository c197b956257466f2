import { request } from 'node:http';
import type { MarketEvent } from '@kandle/market/market-event';
import { formatRawBatch } from '@kandle/market/raw-batch';
import { formatTradeBatch } from '@kandle/market/trade-batch';

const E8 = 100_000_000n;
const START_MS = Date.now();

function header(sequence: number) {
  const nowMs = START_MS + sequence;
  // A shard of its own for each event: nothing that an earlier process wrote shortens the way.
  return {
    shard: `cold${sequence}-00`,
    epoch: START_MS,
    sequence: 1,
    watermarkMs: nowMs,
    ingestTimeMs: nowMs,
  };
}

/** The event that a function's first request carries: one trade, as a quiet market sends it. */
export const FIRST_EVENTS: ReadonlyMap<string, (sequence: number) => MarketEvent> = new Map([
  [
    'transform',
    (sequence) =>
      formatRawBatch({
        ...header(sequence),
        records: [{ id: `t${sequence}`, record: { s: 'SIM:ACME', p: 100.5, t: START_MS, v: 2, c: [] } }],
      }),
  ],
  ['aggregate', tradeEvent],
  ['persist', tradeEvent],
]);

function tradeEvent(sequence: number): MarketEvent {
  return formatTradeBatch({
    ...header(sequence),
    trades: [
      { id: `t${sequence}`, symbol: 'SIM:ACME', eventTimeMs: START_MS, priceE8: 100n * E8, sizeE8: 2n * E8 },
    ],
  });
}

/** Posts an event as KafkaSource does. @returns The status; null if nobody listens yet or the connection broke. */
export function postEvent(port: number, event: MarketEvent): Promise<number | null> {
  const body = Buffer.from(JSON.stringify(event.data));
  const headers: Record<string, string | number> = {
    'ce-specversion': '1.0',
    'ce-id': event.id,
    'ce-source': event.source,
    'ce-type': event.type,
    'content-type': 'application/json',
    'content-length': body.length,
  };
  for (const [name, value] of Object.entries(event.extensions)) headers[`ce-${name}`] = value;
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/', headers, agent: false });
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    });
    sent.on('error', () => resolve(null));
    sent.end(body);
  });
}
