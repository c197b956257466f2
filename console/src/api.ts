import * as z from 'zod/mini';

const number = z.nullable(z.number());

/** A candle as the query function answers and streams it; times are epoch milliseconds. */
export const CandleSchema = z.object({
  start: z.number(),
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
  vwap: number,
  trade_count: z.number(),
  state: z.string(),
  version: z.number(),
  revision: z.number(),
  reason: z.nullable(z.string()),
  complete: z.nullable(z.boolean()),
  /** Made of looks at the market, not of trades. */
  sampled: z.optional(z.nullable(z.boolean())),
  /** Of what rank its prices are: 1 and 2 are of trades that count for less than all. */
  price_rank: z.optional(z.number()),
});
export type CandleRow = z.infer<typeof CandleSchema>;

export const IndicatorSchema = z.object({ start: z.number(), value: z.number(), version: z.number() });
export type IndicatorRow = z.infer<typeof IndicatorSchema>;

export const SignalSchema = z.object({
  start: z.number(),
  symbol: z.string(),
  rule: z.string(),
  side: z.string(),
  strength: z.number(),
  text: z.string(),
  state: z.string(),
  version: z.number(),
});
export type SignalRow = z.infer<typeof SignalSchema>;

export const GapSchema = z.object({
  from_time: z.number(),
  to_time: z.number(),
  shard: z.string(),
  reason: z.string(),
  dropped_records: z.number(),
});
export type GapRow = z.infer<typeof GapSchema>;

export const SymbolSchema = z.object({
  feed: z.string(),
  symbol: z.string(),
  time: z.number(),
  price: z.number(),
  size: z.number(),
});
export type SymbolRow = z.infer<typeof SymbolSchema>;

const TradeSchema = z.object({
  time: z.number(),
  id: z.string(),
  price: z.number(),
  size: z.number(),
  conditions: z.optional(z.nullable(z.string())),
  /** Where it was fetched afterwards, if the feed had missed it. */
  backfilled: z.optional(z.nullable(z.string())),
  counted_for: z.optional(z.string()),
});
const RejectSchema = z.object({
  id: z.string(),
  reason: z.string(),
  detail: z.string(),
  record: z.unknown(),
});

export const ExplainedSchema = z.object({
  candle: z.nullable(CandleSchema),
  versions: z.array(CandleSchema),
  trades: z.array(TradeSchema),
  counted: z.object({ trades: z.number(), volume: z.number(), high: number, low: number }),
  gaps: z.array(GapSchema),
  rejects: z.optional(z.array(RejectSchema)),
  notes: z.array(z.string()),
});
export type Explained = z.infer<typeof ExplainedSchema>;

/** One series: the same symbol of two feeds is two. */
export interface Series {
  readonly feed: string;
  readonly symbol: string;
}

/** An answer that is not what was asked for; the text is for a person. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
}

/** Longest time that an answer may take: a function may have to wake up first. */
const DEADLINE_MS = 30_000;

/**
 * Asks for JSON.
 *
 * @throws {ApiError} If there is none, if it is of another shape, or if the line was lost or fell silent, also
 *   in the middle of an answer.
 */
export async function ask<T>(schema: z.ZodMiniType<T>, path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { ...init, signal: init.signal ?? AbortSignal.timeout(DEADLINE_MS) });
    text = await response.text();
  } catch (error) {
    throw new ApiError('No answer from the server', { cause: error });
  }
  if (!response.ok) throw new ApiError(problemOf(response.status, text));
  const parsed = z.safeParse(schema, readJson(text));
  if (!parsed.success) throw new ApiError(`${path} answered something else than expected`);
  return parsed.data;
}

/** Undefined if it is no JSON. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf(status: number, text: string): string {
  const { data } = z.safeParse(z.object({ title: z.string() }), readJson(text));
  return data?.title ?? (text.trim().slice(0, 200) || `Status ${status}`);
}

/** A path with its parameters; those that are undefined are left out. */
export function pathOf(path: string, params: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined) query.set(name, String(value));
  return `${path}?${query.toString()}`;
}

/** Every row of a list, page by page, up to a number of rows. */
export async function askRows<T>(
  schema: z.ZodMiniType<T>,
  path: string,
  params: Readonly<Record<string, string | number | undefined>>,
  maxRows = 20_000,
): Promise<readonly T[]> {
  const Page = z.object({ rows: z.array(schema), next: z.nullable(z.string()) });
  const rows: T[] = [];
  let page: string | undefined;
  do {
    const answer: { rows: T[]; next: string | null } = await ask(Page, pathOf(path, { ...params, page }));
    rows.push(...answer.rows);
    page = answer.next ?? undefined;
  } while (page !== undefined && rows.length < maxRows);
  return rows;
}
