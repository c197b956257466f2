import {
  type ListKind,
  parseFinnhubList,
  parseTwelveDataList,
  type VendorList,
} from '@kandle/market/instrument/vendor-lists';
import type { Listing } from '@kandle/market/instrument/instrument';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import { z } from 'zod';
import type { VendorClient } from '@kandle/runtime/vendor-client';

/** A list of a vendor: `stocks:US`, `crypto:BINANCE`, `forex` . */
export interface ListName {
  readonly kind: ListKind;
  /** The exchange, as the vendor calls it; null for all of Twelve Data's. */
  readonly exchange: string | null;
}

const FINNHUB_PATHS = { stocks: 'stock/symbol', crypto: 'crypto/symbol', forex: 'forex/symbol' } as const;
const TWELVE_DATA_PATHS = { stocks: 'stocks', crypto: 'cryptocurrencies', forex: 'forex_pairs' } as const;

/**
 * Reads a list from a vendor's REST interface.
 *
 * @throws {RetryableError | FatalError} As {@link VendorClient} does, and where it is no list.
 */
export async function readList({ kind, exchange }: ListName, client: VendorClient): Promise<VendorList> {
  const isFinnhub = client.vendor === 'finnhub';
  const paths = isFinnhub ? FINNHUB_PATHS : TWELVE_DATA_PATHS;
  const answer = await client.get(paths[kind], exchange === null ? {} : { exchange });
  try {
    return isFinnhub ? parseFinnhubList(kind, answer) : parseTwelveDataList(kind, answer);
  } catch (error) {
    throw new RetryableError(`Cannot read a list: ${describeError(error)}`, { cause: error });
  }
}

const ProfileSchema = z.object({ name: z.string().min(1), currency: z.string().catch('') });

/**
 * A listing with what Finnhub's `/stock/profile2` tells of its company; as it is if there is none.
 *
 * @throws {RetryableError | FatalError} As {@link VendorClient} does.
 */
export async function withProfile(listing: Listing, client: VendorClient): Promise<Listing> {
  const profile = ProfileSchema.safeParse(await client.get('stock/profile2', { symbol: listing.ticker }));
  if (!profile.success) return listing;
  const { name, currency } = profile.data;
  return { ...listing, description: name.slice(0, 500), currency: currency || listing.currency };
}
