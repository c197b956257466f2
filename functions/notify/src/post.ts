import { type LookupAddress, lookup as lookupByDns } from 'node:dns';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isInside, literalAddress } from './inside.ts';
import type { Message } from './messages.ts';

/** What came of a request. */
export type Answer =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter: string | null }
  /** `isUnreached`: no connection was made, so the target has surely not seen it. `code` names the fault. */
  | { readonly kind: 'no_answer'; readonly code: string; readonly isUnreached: boolean }
  /** Its address is on this machine or in a private network, and nobody allowed that: nothing was sent. */
  | { readonly kind: 'inside' };

/** Where a message goes. `mayBeInside`: also to this machine and to private networks. */
export interface Address {
  readonly url: string;
  readonly mayBeInside: boolean;
}

/** Sends a message and waits at most so long. Never throws. */
export type Post = (address: Address, message: Message, timeoutMs: number) => Promise<Answer>;

/** Most of an answer that is read, so that its connection can be used again. What it says does not matter. */
const MAX_ANSWER_BYTES = 16_384;

/** Faults before a connection stood: of DNS, of TCP, of TLS. */
const UNREACHED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|ERR_TLS_\w+|ERR_SSL_\w+)$/;

class InsideError extends Error {}

/**
 * Asks DNS, and takes no answer that leads inside. It is asked for each connection and the connection goes to
 * what was answered, so that a name cannot lead elsewhere between the look and the call.
 */
const lookupOutside: LookupFunction = (hostname, options, done) => {
  lookupByDns(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return done(error, '');
    if (addresses.some(({ address }) => isInside(address))) return done(new InsideError(), '');
    const [first] = addresses;
    if (options.all === true || first === undefined) return done(null, addresses);
    done(null, first.address, first.family);
  });
};

/**
 * Posts by HTTP. Redirects are not followed: whoever answers for a target must not send us elsewhere, into the
 * cluster for example. Messages of the HTTP client are dropped, because they may quote an address or a header.
 */
export const postByHttp: Post = async ({ url, mayBeInside }, message, timeoutMs) => {
  const { protocol, hostname } = new URL(url);
  const literal = literalAddress(hostname);
  if (!mayBeInside && literal !== null && isInside(literal)) return { kind: 'inside' };
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (protocol === 'https:' ? requestHttps : requestHttp)(url, {
        method: 'POST',
        headers: { ...message.headers, 'content-length': String(Buffer.byteLength(message.body)) },
        signal,
        ...(mayBeInside ? {} : { lookup: lookupOutside }),
      });
      request.once('response', resolve).once('error', reject).end(message.body);
    });
    const answer = {
      kind: 'status',
      status: response.statusCode ?? 0,
      retryAfter: response.headers['retry-after'] ?? null,
    } as const;
    await drain(response).catch(() => undefined);
    return answer;
  } catch (error) {
    if (error instanceof InsideError) return { kind: 'inside' };
    if (signal.aborted)
      return { kind: 'no_answer', code: `no answer in ${timeoutMs} ms`, isUnreached: false };
    const code = codeOf(error);
    return { kind: 'no_answer', code, isUnreached: UNREACHED.test(code) };
  }
};

async function drain(response: IncomingMessage): Promise<void> {
  let bytes = 0;
  // Leaving the loop early destroys the rest.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) break;
  }
}

/** The code of the innermost fault: two addresses of one name are wrapped into one. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown fault';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
