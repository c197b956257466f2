import type { Message } from './messages.ts';

/** What came of a request. */
export type Answer =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter: string | null }
  /** `isUnreached`: no connection was made, so the target has surely not seen it. `code` names the fault. */
  | { readonly kind: 'no_answer'; readonly code: string; readonly isUnreached: boolean };

/** Sends a message and waits at most so long. Never throws. */
export type Post = (url: string, message: Message, timeoutMs: number) => Promise<Answer>;

/** Most of an answer that is read, so that its connection can be used again. What it says does not matter. */
const MAX_ANSWER_BYTES = 16_384;

/** Faults before a connection stood: of DNS, of TCP, of TLS. */
const UNREACHED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|ERR_TLS_\w+|ERR_SSL_\w+)$/;

/**
 * Posts by HTTP. Redirects are not followed: whoever answers for a target must not send us elsewhere, into the
 * cluster for example. Messages of the HTTP client are dropped, because they may quote an address or a header.
 */
export const postByHttp: Post = async (url, { headers, body }, timeoutMs) => {
  const signal = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { ...headers },
      body,
      redirect: 'manual',
      signal,
    });
  } catch (error) {
    if (signal.aborted)
      return { kind: 'no_answer', code: `no answer in ${timeoutMs} ms`, isUnreached: false };
    const code = codeOf(error);
    return { kind: 'no_answer', code, isUnreached: UNREACHED.test(code) };
  }
  await drain(response).catch(() => undefined);
  return { kind: 'status', status: response.status, retryAfter: response.headers.get('retry-after') };
};

async function drain(response: Response): Promise<void> {
  let bytes = 0;
  // Leaving the loop early cancels the rest.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) break;
  }
}

/** The code of the innermost fault: `fetch` wraps it, and two addresses of one name are wrapped once more. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown fault';
  if (error.cause instanceof Error) return codeOf(error.cause);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
