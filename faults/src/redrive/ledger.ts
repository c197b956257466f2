import type { Message } from 'kafkajs';
import { z } from 'zod';
import type { DeadLetter } from './dead-letter.ts';

/** A dead letter that was sent again: which, when, and where to. */
export interface LedgerEntry {
  readonly partition: number;
  readonly offset: string;
  readonly id: string;
  readonly sentTo: string;
  readonly sentAtMs: number;
  /** Of a refused record: the batch that it goes into, and whether the broker has acknowledged that one. */
  readonly batch?: BatchOfRejects | undefined;
  readonly isSent?: boolean | undefined;
}

/** A batch of refused records that are sent again. */
export interface BatchOfRejects {
  readonly shard: string;
  readonly epoch: number;
  readonly sequence: number;
}

const Entry = z.object({
  partition: z.int(),
  offset: z.string(),
  id: z.string(),
  sentTo: z.string(),
  sentAtMs: z.number(),
  batch: z.object({ shard: z.string(), epoch: z.int(), sequence: z.int() }).optional(),
  isSent: z.boolean().optional(),
});

/** The entry as a record of `market.redriven.v1`, a plain one: no function reads it. */
export function formatEntry(entry: LedgerEntry): Message {
  return { key: `${entry.partition}:${entry.offset}`, value: JSON.stringify(entry) };
}

/** What names a refused record for ever: the trade that it is. */
export function rejectKey({ shard, tradeId }: { readonly shard: string; readonly tradeId: string }): string {
  return `reject:${shard}:${tradeId}`;
}

/** @throws {z.ZodError | SyntaxError} If it is none. */
export function parseEntry(text: string): LedgerEntry {
  return Entry.parse(JSON.parse(text));
}

/**
 * What names a letter for ever: its place, and the event's id, because a topic that was deleted and made again
 * counts its offsets from 0.
 */
export function letterKey({
  partition,
  offset,
  id,
}: Pick<DeadLetter, 'partition' | 'offset' | 'id'>): string {
  return `${partition}:${offset}:${id}`;
}
