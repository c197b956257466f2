import {
  type ListKind,
  parseFinnhubList,
  parseTwelveDataList,
  type VendorList,
} from '@kandle/market/instrument/vendor-lists';
import type { Listing } from '@kandle/market/instrument/instrument';
import { describeError, FatalError, RetryableError } from '@kandle/runtime/errors';
import { z } from 'zod';

/** A list of a vendor: `stocks:US`, `crypto:BINANCE`, `forex` . */
export interface ListName {
  readonly kind: ListKind;
  /** The exchange, as the vendor calls it; null for all of Twelve Data's. */
  readonly exchange: string | null;
}

/** How a vendor is asked. */
export interface VendorSettings {
  readonly vendor: 'finnhub' | 'twelvedata';
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly deadlineMs: number;
}

/** Twelve Data's longest list has about 150,000 entries of 300 bytes. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Most words of a vendor's refusal that are told. */
const MAX_WORDS = 200;

const FINNHUB_PATHS = { stocks: 'stock/symbol', crypto: 'crypto/symbol', forex: 'forex/symbol' } as const;
const TWELVE_DATA_PATHS = { stocks: 'stocks', crypto: 'cryptocurrencies', forex: 'forex_pairs' } as const;

/**
 * Reads a list from a vendor's REST interface.
 *
 * @throws {RetryableError} If the vendor is away, busy, or answers with no list.
 * @throws {FatalError} If it refuses the key or the plan.
 */
export async function readList({ kind, exchange }: ListName, vendor: VendorSettings): Promise<VendorList> {
  const paths = vendor.vendor === 'finnhub' ? FINNHUB_PATHS : TWELVE_DATA_PATHS;
  const answer = await get(paths[kind], exchange === null ? {} : { exchange }, vendor);
  try {
    return vendor.vendor === 'finnhub' ? parseFinnhubList(kind, answer) : parseTwelveDataList(kind, answer);
  } catch (error) {
    throw new RetryableError(`Cannot read a list: ${describeError(error)}`, { cause: error });
  }
}

const ProfileSchema = z.object({ name: z.string().min(1), currency: z.string().catch('') });

/**
 * A listing with what Finnhub's `/stock/profile2` tells of its company; as it is if there is none.
 *
 * @throws {RetryableError | FatalError} As {@link readList}.
 */
export async function withProfile(listing: Listing, vendor: VendorSettings): Promise<Listing> {
  const answer = await get('stock/profile2', { symbol: listing.ticker }, vendor);
  const profile = ProfileSchema.safeParse(answer);
  if (!profile.success) return listing;
  const { name, currency } = profile.data;
  return { ...listing, description: name.slice(0, 500), currency: currency || listing.currency };
}

/** An answer in JSON. The key is a header, so that no log of an address holds it. */
async function get(
  path: string,
  query: Readonly<Record<string, string>>,
  { vendor, apiUrl, apiKey, deadlineMs }: VendorSettings,
): Promise<unknown> {
  const url = new URL(`${apiUrl.replace(/\/$/, '')}/${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const headers: Readonly<Record<string, string>> =
    vendor === 'finnhub' ? { 'x-finnhub-token': apiKey } : { authorization: `apikey ${apiKey}` };
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, {
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(deadlineMs),
    });
    status = response.status;
    text = await readText(response);
  } catch (error) {
    if (error instanceof RetryableError) throw error;
    // What fetch says by itself is `fetch failed`.
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new RetryableError(`Cannot read ${path}: ${describeError(reason)}`, { cause: error });
  }
  const answer = parseJson(text);
  const refusal = refusalOf(status, answer, text);
  if (refusal === null) return answer;
  const fact = `Cannot read ${path}: ${vendor} answers ${refusal.status}: ${refusal.words}`;
  throw refusal.status === 401 || refusal.status === 403 ? new FatalError(fact) : new RetryableError(fact);
}

const WordsSchema = z.object({
  status: z.string().optional(),
  code: z.number().optional(),
  message: z.string().optional(),
  error: z.string().optional(),
});

/** What a vendor refuses with; Twelve Data does so with status 200 too. Null if it does not. */
function refusalOf(status: number, answer: unknown, text: string) {
  const words = WordsSchema.safeParse(answer).data;
  if (status === 200 && words?.status !== 'error' && words?.error === undefined && answer !== undefined) {
    return null;
  }
  const said = words?.message ?? words?.error ?? (text || 'nothing');
  return { status: status === 200 ? (words?.code ?? status) : status, words: said.slice(0, MAX_WORDS) };
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A body, as far as it is not too long. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES)
      throw new RetryableError(`Cannot read a list: it has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
