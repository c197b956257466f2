import { createRoute, z } from '@hono/zod-openapi';
import { type Answer, respond } from '../answer.ts';
import type { Cell } from '../csv.ts';
import { formatPageToken, type PageKey } from '../page-token.ts';
import { DEFAULT_RANGE_MS, rangeParams } from '../params.ts';
import { refuse } from '../problem.ts';
import { answers } from './answers.ts';

/** A range that ended this long ago is closed: late trades of up to a quarter of an hour are in it. */
const CLOSED_AFTER_MS = 15 * 60_000;

/** The description of a list of rows: its own parameters, and those that every list takes. */
export function listRoute<const P extends string, Q extends z.ZodRawShape>(
  path: P,
  summary: string,
  shape: Q,
) {
  return createRoute({
    method: 'get',
    path,
    summary,
    request: { query: z.strictObject({ ...shape, ...rangeParams }) },
    responses: answers,
  });
}

/** What a list was asked for. */
export interface AskedRange {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit: number;
  readonly page?: PageKey | undefined;
  readonly format: 'json' | 'csv';
}

/** The range to read, with its defaults; refused if it is empty. */
export function rangeOf({ from, to, page, limit }: AskedRange, nowMs: number) {
  const toMs = to ?? nowMs;
  const fromMs = from ?? toMs - DEFAULT_RANGE_MS;
  if (fromMs >= toMs) return refuse(400, 'The range is empty', { from: 'expected a time before `to`' });
  // One row more than asked for tells whether there is a next page.
  return { fromMs, toMs, after: page ?? null, limit: limit + 1, isClosed: toMs <= nowMs - CLOSED_AFTER_MS };
}

/** Rows that were found, one more than asked for where there is a next page. */
interface Found<T> extends Omit<Answer, 'format' | 'next' | 'rows'> {
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => PageKey;
}

/** Answers with a page of rows. */
export function answerList<T extends Readonly<Record<string, Cell>>>(
  asked: AskedRange,
  ifNoneMatch: string | undefined,
  found: Found<T>,
): Response {
  const rows = found.rows.slice(0, asked.limit);
  const last = rows.at(-1);
  const next =
    found.rows.length > rows.length && last !== undefined ? formatPageToken(found.keyOf(last)) : null;
  return respond({ ...found, rows, next, format: asked.format }, ifNoneMatch);
}
