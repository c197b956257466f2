import { formatSignalBatch, type Signal, signalId } from '@kandle/market/signal/signal-batch';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { Target } from '../src/targets.ts';

/** When the window of every signal here begins. */
const START_MS = Date.UTC(2026, 10, 25, 7, 20, 0);

/** A signal, as a rule of moving averages would make it. */
export function signalOf(changes: Partial<Signal> = {}): Signal {
  const signal = {
    rule: 'ma-cross',
    symbol: 'AAPL',
    windowStartMs: START_MS,
    side: 'buy',
    strength: 0.62,
    numbers: { fast: 184.21, slow: 184.1 },
    text: 'AAPL: the fast average crossed above the slow one',
    state: 'active',
    version: 3,
    causedAtMs: START_MS + 4_999,
    ...changes,
  } as const;
  return { ...signal, id: signalId(signal) };
}

/** The event of signals, as notify receives it. */
export function eventOf(signals: readonly Signal[], attributes: Record<string, unknown> = {}): ReceivedEvent {
  const version = Math.max(...signals.map((signal) => signal.version));
  const [event] = formatSignalBatch({ shard: 'sim-03', windowStartMs: START_MS, version, signals });
  if (event === undefined) throw new Error('no signals');
  const data: unknown = JSON.parse(JSON.stringify(event.data));
  return { ...event, attributes: { ...event.extensions, ...attributes }, data, offset: null };
}

/** A target, unless told otherwise of plain JSON and without limits. */
export function targetOf(changes: Partial<Target> = {}): Target {
  return {
    name: 'desk',
    kind: 'json',
    url: 'http://127.0.0.1:9/hook',
    mayBeInside: true,
    headers: {},
    filter: {},
    ratePerMinute: 6_000,
    burst: 100,
    extensions: {},
    ...changes,
  };
}
