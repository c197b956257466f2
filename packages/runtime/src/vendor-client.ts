import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, FatalError, RetryableError } from './errors.ts';
import { z } from 'zod';

/** How a vendor is asked. */
export interface VendorSettings {
  readonly vendor: 'finnhub' | 'twelvedata';
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly deadlineMs: number;
  /** Most requests a minute: they begin at even distances. */
  readonly requestsPerMinute: number;
  /** How long it waits where the vendor says that there were too many. */
  readonly limitPauseMs: number;
}

/** A vendor's REST interface. */
export interface VendorClient {
  readonly vendor: VendorSettings['vendor'];
  /**
   * An answer in JSON. Requests wait for each other.
   *
   * @throws {RetryableError} If the vendor is away, busy, or answers with no JSON.
   * @throws {FatalError} If it refuses the key or the plan.
   */
  get(path: string, query: Readonly<Record<string, string>>): Promise<unknown>;
}

/** Twelve Data's longest list has about 150,000 entries of 300 bytes. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Most words of a vendor's refusal that are told. */
const MAX_WORDS = 200;
/** So often it is asked again where there were too many requests. */
const LIMIT_TRIES = 3;
const TOO_MANY = 429;

/** A client that stays within the vendor's limits: one request after the other, none sooner than they allow. */
export function createVendorClient(settings: VendorSettings): VendorClient {
  const intervalMs = 60_000 / settings.requestsPerMinute;
  let last: Promise<unknown> = Promise.resolve();
  let nextMs = 0;

  async function begin(path: string, query: Readonly<Record<string, string>>): Promise<unknown> {
    for (let left = LIMIT_TRIES; ; left--) {
      const monotonicMs = performance.now();
      if (nextMs > monotonicMs) await sleep(nextMs - monotonicMs);
      nextMs = performance.now() + intervalMs;
      const answer = await ask(path, query, settings);
      if (answer.refusal === null) return answer.value;
      const { status, words } = answer.refusal;
      const fact = `Cannot read ${path}: ${settings.vendor} answers ${status}: ${words}`;
      if (status === 401 || status === 403) throw new FatalError(fact);
      if (status !== TOO_MANY || left === 0) throw new RetryableError(fact);
      nextMs = performance.now() + settings.limitPauseMs;
    }
  }

  return {
    vendor: settings.vendor,
    get(path, query) {
      const answer = last.then(() => begin(path, query));
      last = answer.catch(() => undefined);
      return answer;
    },
  };
}

/** What a vendor answered: null as refusal if it did not refuse. */
interface Answer {
  readonly value: unknown;
  readonly refusal: { readonly status: number; readonly words: string } | null;
}

/** One request. The key is a header, so that no log of an address holds it. */
async function ask(
  path: string,
  query: Readonly<Record<string, string>>,
  { vendor, apiUrl, apiKey, deadlineMs }: VendorSettings,
): Promise<Answer> {
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
  const value = parseJson(text);
  return { value, refusal: refusalOf(status, value, text) };
}

const WordsSchema = z.object({
  status: z.string().optional(),
  code: z.number().optional(),
  message: z.string().optional(),
  error: z.string().optional(),
});

/** What a vendor refuses with; Twelve Data does so with status 200 too. Null if it does not. */
function refusalOf(status: number, value: unknown, text: string): Answer['refusal'] {
  const words = WordsSchema.safeParse(value).data;
  if (status === 200 && words?.status !== 'error' && words?.error === undefined && value !== undefined) {
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
