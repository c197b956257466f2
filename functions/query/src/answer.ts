import { createHash } from 'node:crypto';
import { type Row, toCsv } from './csv.ts';

/** Rows to answer with, and how. */
export interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  /** Token of the next page; null on the last one. */
  readonly next: string | null;
  /** Facts beside the rows: the series, the interval. */
  readonly about: Readonly<Record<string, string>>;
  readonly format: 'json' | 'csv';
  /** True if the range is over: then it changes only when a late trade or a repair revises it. */
  readonly isClosed: boolean;
}

/** How long a closed range may be kept without asking again, seconds. */
const CLOSED_MAX_AGE = 60;

/**
 * The response of a page of rows, with an `ETag` over its content: it changes if and only if a row of the page
 * does. A closed range may be kept for a minute; the running one is asked for again every time, and answered
 * 304 if it is the same.
 */
export function respond(answer: Answer, ifNoneMatch: string | undefined): Response {
  const body = answer.format === 'csv' ? csvBody(answer) : jsonBody(answer);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  const headers: Record<string, string> = {
    etag,
    'cache-control': answer.isClosed ? `private, max-age=${CLOSED_MAX_AGE}` : 'private, no-cache',
    vary: 'accept-encoding',
  };
  if (answer.next !== null) headers['x-next-page'] = answer.next;
  const known = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  if (known.includes(etag)) return new Response(null, { status: 304, headers });
  headers['content-type'] =
    answer.format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/json; charset=utf-8';
  return new Response(body, { headers });
}

function jsonBody({ about, rows, next }: Answer): string {
  return `${JSON.stringify({ ...about, rows, next })}\n`;
}

function csvBody({ columns, rows }: Answer): string {
  return toCsv(columns, rows);
}
