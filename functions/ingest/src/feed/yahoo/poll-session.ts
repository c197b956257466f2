import { isTooManyRequests, readCrumb } from '@kandle/market/feed/yahoo/poll';

/** What Yahoo answered to a request. */
export interface YahooAnswer {
  readonly status: number;
  /** Null if it is longer than is taken. */
  readonly text: string | null;
}

/** Where Yahoo is asked. */
export interface YahooPlaces {
  readonly url: URL;
  /** Any answer from here sets the cookie without which there is no crumb. */
  readonly cookieUrl: URL;
}

/** Yahoo does not want to be asked now; the text says why. */
export class YahooRefusal extends Error {
  override readonly name = 'YahooRefusal';
  readonly isTooMany: boolean;

  constructor(words: string, isTooMany: boolean) {
    super(words);
    this.isTooMany = isTooMany;
  }
}

/** The cookie and the crumb that quotes ask for. */
export interface YahooKeys {
  readonly cookie: string;
  readonly crumb: string;
}

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const TOO_MANY = 429;
const MAX_CRUMB_BYTES = 65_536;
const NOT_LET_IN = 'Yahoo does not let this client in';

/**
 * Asks for a page.
 *
 * @throws {YahooRefusal} If the answer is that we are not wanted.
 * @throws {Error} If there is no answer.
 */
export async function askYahoo(
  url: URL,
  {
    cookie,
    maxBytes,
    signal,
  }: { readonly cookie: string; readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<YahooAnswer> {
  const response = await fetch(url, { headers: cookie === '' ? {} : { cookie }, redirect: 'manual', signal });
  const { status } = response;
  const text = await readText(response, maxBytes);
  if (status === TOO_MANY || (text !== null && isTooManyRequests(text)))
    throw new YahooRefusal('Yahoo has had too many requests from this address', true);
  if (status === FORBIDDEN) throw new YahooRefusal(`${NOT_LET_IN} (HTTP ${status})`, false);
  return { status, text };
}

/**
 * Gets a cookie and the crumb that belongs to it.
 *
 * @throws {YahooRefusal} If there is none to be had. The text "Too Many Requests" is never one.
 */
export async function openYahooSession(
  { url, cookieUrl }: YahooPlaces,
  signal: AbortSignal,
): Promise<YahooKeys> {
  const greeting = await fetch(cookieUrl, { redirect: 'manual', signal });
  await greeting.body?.cancel();
  const cookie = greeting.headers
    .getSetCookie()
    .map((line) => line.split(';')[0] ?? '')
    .join('; ');
  const page = new URL('/v1/test/getcrumb', url);
  const { status, text } = await askYahoo(page, { cookie, maxBytes: MAX_CRUMB_BYTES, signal });
  const crumb = status === 200 && text !== null ? readCrumb(text) : null;
  if (crumb !== null) return { cookie, crumb };
  if (status === UNAUTHORIZED) throw new YahooRefusal(`${NOT_LET_IN} (HTTP ${status})`, false);
  throw new Error(`no crumb to be had (HTTP ${status})`);
}

/** True if the crumb, or the cookie, is not taken any more. */
export function isStale({ status }: YahooAnswer): boolean {
  return status === UNAUTHORIZED;
}

/** The body, as far as it is not longer than is taken; of a longer one nothing is held. */
async function readText({ body }: Response, maxBytes: number): Promise<string | null> {
  if (body === null) return '';
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    // Leaving the loop ends the request.
    if (bytes > maxBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
