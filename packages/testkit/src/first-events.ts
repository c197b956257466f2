import { e8, notionalOf } from '@kandle/market/number/fixed-point';
import { request } from 'node:http';
import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { formatSignalBatch, signalId } from '@kandle/market/signal/signal-batch';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';

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
  ['transform', rawEvent],
  ['aggregate', tradeEvent],
  ['persist', rawEvent],
  ['signal', candleEvent],
  ['notify', signalEvent],
]);

function rawEvent(sequence: number): MarketEvent {
  return formatRawBatch({
    ...header(sequence),
    records: [{ id: `t${sequence}`, record: { s: 'SIM:ACME', p: 100.5, t: START_MS, v: 2, c: [] } }],
  });
}

const WINDOW_MS = 5_000;
const WINDOW_START_MS = START_MS - (START_MS % WINDOW_MS) - WINDOW_MS;

function candleEvent(sequence: number): MarketEvent {
  const priceE8 = e8(100n * E8);
  const [event] = formatCandleBatch({
    shard: header(sequence).shard,
    windowStartMs: WINDOW_START_MS,
    windowMs: WINDOW_MS,
    kind: 'final',
    version: 2,
    candles: [
      {
        symbol: 'SIM:ACME',
        version: 2,
        state: 'final',
        revision: 0,
        reason: null,
        complete: true,
        lastTradeMs: WINDOW_START_MS + 4_000,
        openE8: priceE8,
        highE8: priceE8,
        lowE8: priceE8,
        closeE8: priceE8,
        volumeE8: e8(2n * E8),
        notionalE16: notionalOf(e8(2n * E8), priceE8),
        priceSumE8: priceE8,
        tradeCount: 1,
      },
    ],
  });
  if (event === undefined) throw new RangeError('Cannot make an event of no candles');
  return event;
}

function signalEvent(sequence: number): MarketEvent {
  const finding = { rule: 'price_jump', symbol: 'SIM:ACME', windowStartMs: WINDOW_START_MS };
  const [event] = formatSignalBatch({
    shard: header(sequence).shard,
    windowStartMs: WINDOW_START_MS,
    version: 2,
    signals: [
      {
        ...finding,
        id: signalId(finding),
        side: 'buy',
        strength: 0.5,
        numbers: { close: 100 },
        text: 'SIM:ACME jumped',
        state: 'active',
        version: 2,
        causedAtMs: WINDOW_START_MS + 4_000,
      },
    ],
  });
  if (event === undefined) throw new RangeError('Cannot make an event of no signals');
  return event;
}

function tradeEvent(sequence: number): MarketEvent {
  return formatTradeBatch({
    ...header(sequence),
    trades: [
      {
        id: `t${sequence}`,
        symbol: 'SIM:ACME',
        eventTimeMs: START_MS,
        priceE8: e8(100n * E8),
        sizeE8: e8(2n * E8),
      },
    ],
  });
}

/**
 * Posts an event as KafkaSource does. @returns The status; null if nobody listens yet or the connection broke.
 *
 * @param avro Its data as Avro, and their schema; JSON without it.
 */
export function postEvent(
  port: number,
  event: MarketEvent,
  avro: { readonly value: Buffer; readonly dataschema: string } | null = null,
): Promise<number | null> {
  const body = avro?.value ?? Buffer.from(JSON.stringify(event.data));
  const headers: Record<string, string | number> = {
    'ce-specversion': '1.0',
    'ce-id': event.id,
    'ce-source': event.source,
    'ce-type': event.type,
    'content-type': avro === null ? 'application/json' : 'application/avro',
    ...(avro === null ? {} : { 'ce-dataschema': avro.dataschema }),
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
