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

/** A stretch of a view that is read in a shadow's keyspace. */
export interface Place {
  readonly view: PromotedView;
  readonly keyspace: string;
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
const PERIOD_MS = {
  trades: 1,
  candles_5s: 5_000,
  candle_revisions: 5_000,
  candles_1m: 60_000,
  candles_5m: 300_000,
  candles_1h: 3_600_000,
  candles_1d: 86_400_000,
} as const satisfies Partial<Record<BucketedView, number>>;
/** A view of which a shadow may be read. */
export type PromotedView = keyof typeof PERIOD_MS;
/** All of them. */
export const PROMOTED_VIEWS = Object.keys(PERIOD_MS).filter(isPromoted);
/** Later than any stretch of time. */
const EVER_MS = Date.UTC(9999, 0, 1);

/** The promotions of a pointer's text; none where there is no text. @throws {z.ZodError | SyntaxError} */
export function parsePromotions(text: string | null): readonly Promotion[] {
  return text === null ? [] : PromotionsSchema.parse(JSON.parse(text));
}

/**
 * A new promotion behind all others; those that nobody would see any more are left out.
 *
 * @throws {RangeError} If there are too many then.
 */
export function withPromotion(promotions: readonly Promotion[], one: Promotion): readonly Promotion[] {
  const all = [...promotions.filter(({ fromMs, toMs }) => fromMs < one.fromMs || toMs > one.toMs), one];
  if (all.length > MAX_PROMOTIONS)
    throw new RangeError(`Cannot promote: more than ${MAX_PROMOTIONS} stretches would be`);
  return all;
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
  const periodMs = isPromoted(view) ? PERIOD_MS[view] : undefined;
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

/**
 * Every stretch of every view that is read in a shadow's keyspace: no two of a view overlap, and each holds its
 * rows whole, so that a reader which cannot cut a range finds whether all of it lies in one.
 */
export function placesOf(promotions: readonly Promotion[]): readonly Place[] {
  return PROMOTED_VIEWS.flatMap((view) =>
    piecesOf(view, { fromMs: 0, toMs: EVER_MS }, promotions).flatMap(({ keyspace, fromMs, toMs }) =>
      keyspace === null ? [] : [{ view, keyspace, fromMs, toMs }],
    ),
  );
}

function isPromoted(view: string): view is PromotedView {
  return view in PERIOD_MS;
}
