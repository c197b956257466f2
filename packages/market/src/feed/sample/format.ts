import { FINNHUB } from '../finnhub/format.ts';
import type { JudgedTrade } from '../judged.ts';
import type { RecordFormat, VendorRecord } from '../record-format.ts';

/**
 * Looks at a market, as `sample-record.ts` says; books and news beside them as Finnhub names them. A look that
 * comes again is the same look, on whichever connection: it is known by what it shows.
 */
export const SAMPLES: RecordFormat = {
  ...FINNHUB,
  name: 'samples',
  isSampled: true,
  seeTrade: ({ s, t, p, v, dv = null }) => ({
    symbol: s,
    eventTimeMs: t,
    isTrade: true,
    // The growth since the look before is another after a reconnect; of a bar it is all there is.
    ownId: JSON.stringify(dv === null ? [p, v] : [p, dv]),
    price: p,
    size: v,
    conditions: null,
  }),
  judgeTrade: judgeSample,
};

/** Judges a look by itself: like a trade, but that it may have no size, or one of 0. */
function judgeSample(id: string, record: VendorRecord): JudgedTrade {
  const { v: growth = null } = record;
  return FINNHUB.judgeTrade(id, growth === null ? { ...record, v: 0 } : record, true);
}
