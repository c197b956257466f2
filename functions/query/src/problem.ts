import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** What a refused request is told: RFC 9457, with the fields that are wrong. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** Ends a request with a problem. */
export function refuse(status: ContentfulStatusCode, title: string, fields?: Problem['fields']): never {
  throw new HTTPException(status, { res: problemResponse({ status, title, ...(fields && { fields }) }) });
}

/** The answer that carries a problem. */
export function problemResponse(problem: Problem): Response {
  return new Response(`${JSON.stringify(problem)}\n`, {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  });
}
