import { FORMAT_NAMES } from '@kandle/market/feed/format-name';
import { formatRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { CountingRulesSchema } from '@kandle/market/trade/counting-rules';
import type { Message } from 'kafkajs';
import { z } from 'zod';

/*
 * The ledger of backfills, in `market.redriven.v1` beside that of redrive.
 *
 * A batch stands there whole before it is sent, so that a run that is killed in between leaves all that the
 * next one needs to send the same bytes again. Entries of a shard are a chain: each names the one before it,
 * and of two that name the same one only the first counts. So of two runs at once, or of a killed one whose
 * last words came late, only one wins, and everybody who reads the ledger knows which.
 */

const BatchSchema = z.object({
  shard: z.string(),
  epoch: z.int(),
  sequence: z.int(),
  ingestTimeMs: z.int(),
  backfilled: z.string(),
  /** Of one run: two of them may begin in the same millisecond. */
  run: z.string(),
  format: z.enum(FORMAT_NAMES).optional(),
  rules: CountingRulesSchema.optional(),
  records: z.array(z.object({ id: z.string(), record: z.record(z.string(), z.unknown()) })),
});

const EntrySchema = z.object({
  id: z.string().startsWith('backfill:'),
  batch: z.object({ shard: z.string(), epoch: z.int(), sequence: z.int() }),
  isSent: z.boolean(),
  sentAtMs: z.number(),
  backfill: z
    .object({
      /** Name of the gap that it is for. */
      gap: z.string(),
      /** Id of the entry before it in the chain of its shard; null for the first. */
      previous: z.string().nullable(),
      batch: BatchSchema,
    })
    .optional(),
});

/** A batch that a backfill brings, as it stands in the ledger. */
export interface LedgerBatch
  extends Omit<RawBatch, 'watermarkMs' | 'watermarkBeforeMs' | 'sampled' | 'traceparent'> {
  readonly backfilled: string;
  readonly run: string;
}

/** An entry of a batch that counts: it won its place in the chain. */
export interface PlannedBatch {
  readonly id: string;
  readonly gap: string;
  /** Without its records, once it is sent. */
  readonly batch: LedgerBatch;
  readonly trades: number;
  readonly isSent: boolean;
}

/** What the ledger says of backfills. */
export interface Chain {
  /** Takes a record of the topic, whatever it is, in the order of its partition. */
  take(text: string): void;
  /** Every batch that counts, in order. */
  batches(): readonly PlannedBatch[];
  /** What the next entry of a shard must name. */
  lastOf(shard: string): string | null;
}

/** Nothing read yet. */
export function createChain(): Chain {
  const batches = new Map<string, PlannedBatch>();
  const last = new Map<string, string>();
  return {
    take(text) {
      const { data: entry } = EntrySchema.safeParse(jsonOf(text));
      if (entry === undefined) return;
      const { id, backfill, isSent } = entry;
      const known = batches.get(id);
      if (known !== undefined) {
        if (isSent) batches.set(id, { ...known, isSent, batch: { ...known.batch, records: [] } });
        return;
      }
      if (backfill === undefined) return;
      const { gap, previous, batch } = backfill;
      const before = last.get(batch.shard);
      // The ledger has lost its beginning: what it begins with was sent long ago, or never will be.
      const isCut = before === undefined && previous !== null;
      if (!isCut && previous !== (before ?? null)) return;
      last.set(batch.shard, id);
      batches.set(id, { id, gap, batch, trades: batch.records.length, isSent: isCut });
    },
    batches: () => [...batches.values()],
    lastOf: (shard) => last.get(shard) ?? null,
  };
}

/** Half of what aggregate's `EXPIRY_MS` is. */
const MAX_AGE_MS = 7 * 86_400_000;

/** True for a batch that nobody sends any more: it was begun so long ago that no window would take it. */
export function isGivenUp({ isSent, batch }: PlannedBatch, wallMs: number): boolean {
  return !isSent && wallMs - batch.ingestTimeMs >= MAX_AGE_MS;
}

/** The name of a batch in the ledger. */
export function entryId({ shard, epoch, sequence, run }: LedgerBatch): string {
  return `backfill:${epoch}:${shard}:${sequence}:${run}`;
}

/** Word that a batch is to be sent: with all that is in it. */
export function formatPlan(
  { gap, batch }: Pick<PlannedBatch, 'gap' | 'batch'>,
  {
    previous,
    topic,
    wallMs,
  }: { readonly previous: string | null; readonly topic: string; readonly wallMs: number },
): Message {
  return formatEntry(batch, { topic, wallMs, isSent: false, backfill: { gap, previous, batch } });
}

/** Word that the broker has acknowledged it. */
export function formatSent(
  batch: LedgerBatch,
  { topic, wallMs }: { readonly topic: string; readonly wallMs: number },
): Message {
  return formatEntry(batch, { topic, wallMs, isSent: true });
}

function formatEntry(
  batch: LedgerBatch,
  {
    topic,
    wallMs,
    ...rest
  }: {
    readonly topic: string;
    readonly wallMs: number;
    readonly isSent: boolean;
    readonly backfill?: object;
  },
): Message {
  const { shard, epoch, sequence } = batch;
  const id = entryId(batch);
  // A partition and an offset are what entries of letters have; redrive and the audit read past these.
  const entry = {
    partition: -1,
    offset: '0',
    id,
    sentTo: topic,
    sentAtMs: wallMs,
    batch: { shard, epoch, sequence },
    ...rest,
  };
  return { key: `backfill:${shard}`, value: JSON.stringify(entry) };
}

/** The event of a batch: nothing is too late for it, and it tells nothing of the time. */
export function eventOf({ run: _, ...batch }: LedgerBatch): MarketEvent {
  const raw: RawBatch = { ...batch, watermarkMs: 0, watermarkBeforeMs: 0 };
  return formatRawBatch(raw);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
