import { z } from 'zod';
import { feedSource } from '../event/batch-header.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { partsOf } from '../event/parts.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';

/** What a signal says about the price: up, down, or only that something is out of the ordinary. */
export type SignalSide = 'buy' | 'sell' | 'neutral';

/** A signal stands until a revision of its candle takes it back; it is never deleted. */
export type SignalState = 'active' | 'retracted';

/**
 * What a rule found in one window of one symbol: keep the highest `version` of an `id` and ignore lower ones.
 *
 * `id` is {@link signalId}, unique within its feed; `strength` lies between 0 and 1; `numbers` are those that
 * made the signal; `text` is a sentence for a trader, plain and not escaped; `causedAtMs` is the event time of
 * the newest trade behind it.
 */
export interface Signal {
  readonly id: string;
  readonly rule: string;
  readonly symbol: string;
  readonly windowStartMs: number;
  readonly side: SignalSide;
  readonly strength: number;
  readonly numbers: Readonly<Record<string, number>>;
  readonly text: string;
  readonly state: SignalState;
  readonly version: number;
  readonly causedAtMs: number;
}

/** Signals of one shard and window. One version has one content. */
export interface SignalBatch {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly version: number;
  readonly signals: readonly Signal[];
}

/** Most signals in one event, at most about 2 KB each. */
const MAX_SIGNALS = 100;
/** Longest sentence of a signal, characters. */
export const MAX_SIGNAL_TEXT = 500;
/** Most numbers that a signal carries. */
const MAX_NUMBERS = 20;

const RULE = /^[a-z][a-z0-9_-]{0,39}$/;
const NUMBER_NAME = /^[A-Za-z]\w{0,31}$/;

/** The id of a signal, `<rule>:<symbol>:<windowStartMs>`: the same finding has the same id on every replay. */
export function signalId({
  rule,
  symbol,
  windowStartMs,
}: Pick<Signal, 'rule' | 'symbol' | 'windowStartMs'>): string {
  return `${rule}:${symbol}:${windowStartMs}`;
}

/**
 * The events of a signal batch, for `market.signals.v1`, in parts of at most 100 signals, ids ascending; none
 * when it has no signal.
 *
 * The id `<shard>:<windowStartMs>:<version>:signals:<part>` stands for one content.
 */
export function formatSignalBatch(batch: SignalBatch, traceparent?: string): readonly MarketEvent[] {
  const { signals, ...header } = batch;
  const sorted = signals.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return partsOf(sorted, MAX_SIGNALS).map((part, index) => ({
    id: `${batch.shard}:${batch.windowStartMs}:${batch.version}:signals:${index}`,
    source: feedSource(batch.shard),
    type: EVENT_TYPES.signals,
    key: batch.shard,
    extensions: {
      partitionkey: batch.shard,
      shard: batch.shard,
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    data: { ...header, signals: part },
  }));
}

const wholeNumber = z.number().int().min(0);

/** A signal as JSON. */
export const SignalSchema: z.ZodType<Signal> = z
  .object({
    id: z.string().max(128),
    rule: z.string().regex(RULE, 'expected a rule such as rsi-over'),
    symbol: z.string().refine(isSymbol, 'expected a symbol'),
    windowStartMs: wholeNumber,
    side: z.enum(['buy', 'sell', 'neutral']),
    strength: z.number().min(0).max(1),
    numbers: z
      .record(z.string().regex(NUMBER_NAME, 'expected a name'), z.number())
      .refine((numbers) => Object.keys(numbers).length <= MAX_NUMBERS, `expected at most ${MAX_NUMBERS}`),
    text: z.string().min(1).max(MAX_SIGNAL_TEXT),
    state: z.enum(['active', 'retracted']),
    version: z.number().int().min(1),
    causedAtMs: wholeNumber,
  })
  .refine((signal) => signal.id === signalId(signal), {
    message: 'expected <rule>:<symbol>:<windowStartMs>',
    path: ['id'],
  });

/** The data of a signal batch. */
export const SignalBatchSchema = z.object({
  shard: z.string().min(1).max(40),
  windowStartMs: wholeNumber,
  version: z.number().int().min(1),
  signals: z.array(SignalSchema).max(10_000),
});

/** @throws {z.ZodError} If the data is no signal batch. */
export function parseSignalBatch(data: unknown): SignalBatch {
  return SignalBatchSchema.parse(data);
}
