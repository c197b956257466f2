import { z } from 'zod';
import type { BucketedView } from './buckets.ts';

/** A stretch of time of which candles, revisions and trades are read from a shadow's keyspace. */
export interface Promotion {
  readonly keyspace: string;
  readonly fromMs: number;
  /** Not in it any more. */
  readonly toMs: number;
}

/** A stretch of a view, and where it is read: in a shadow's keyspace, or, null, where the pipeline writes. */
export interface Piece {
  readonly keyspace: string | null;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Most promotions at a time. */
export const MAX_PROMOTIONS = 100;

const PromotionsSchema = z
  .array(
    z.strictObject({
      keyspace: z.string().regex(/^[a-z][a-z0-9_]{0,47}$/),
      fromMs: z.number().int().min(0),
      toMs: z.number().int().min(0),
    }),
  )
  .max(MAX_PROMOTIONS);

/** Views that a shadow has, and how long a row of theirs is: a candle is taken whole or not. */
const PERIOD_MS: Partial<Record<BucketedView, number>> = {
  trades: 1,
  candles_5s: 5_000,
  candle_revisions: 5_000,
  candles_1m: 60_000,
  candles_5m: 300_000,
  candles_1h: 3_600_000,
  candles_1d: 86_400_000,
};

/** The promotions of a pointer's text; none where there is no text. @throws {z.ZodError | SyntaxError} */
export function parsePromotions(text: string | null): readonly Promotion[] {
  return text === null ? [] : PromotionsSchema.parse(JSON.parse(text));
}

/** A new promotion behind all others; those that nobody would see any more are left out. */
export function withPromotion(promotions: readonly Promotion[], one: Promotion): readonly Promotion[] {
  return [...promotions.filter(({ fromMs, toMs }) => fromMs < one.fromMs || toMs > one.toMs), one];
}

/**
 * Cuts `[fromMs, toMs)` of a view into pieces, ascending, each to be read in one place. A row is a promotion's
 * if all of its time lies in it; of several promotions the last one.
 */
export function piecesOf(
  view: BucketedView,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  promotions: readonly Promotion[],
): readonly Piece[] {
  const periodMs = PERIOD_MS[view];
  if (promotions.length === 0 || periodMs === undefined) return [{ keyspace: null, fromMs, toMs }];
  const whole = promotions
    .map((one) => ({
      keyspace: one.keyspace,
      fromMs: Math.ceil(one.fromMs / periodMs) * periodMs,
      toMs: Math.floor(one.toMs / periodMs) * periodMs,
    }))
    .filter((one) => one.fromMs < one.toMs);
  const cuts = new Set([fromMs, toMs, ...whole.flatMap((one) => [one.fromMs, one.toMs])]);
  const edges = [...cuts].filter((edge) => edge >= fromMs && edge <= toMs).toSorted((a, b) => a - b);
  const pieces: Piece[] = [];
  for (const [index, edge] of edges.slice(0, -1).entries()) {
    const end = edges[index + 1] ?? edge;
    const keyspace = whole.findLast((one) => one.fromMs <= edge && edge < one.toMs)?.keyspace ?? null;
    const before = pieces.at(-1);
    if (before?.keyspace === keyspace) pieces[pieces.length - 1] = { ...before, toMs: end };
    else pieces.push({ keyspace, fromMs: edge, toMs: end });
  }
  return pieces;
}
