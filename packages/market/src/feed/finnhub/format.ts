import { readSymbol } from '../../event/symbol.ts';
import type { RecordFormat } from '../record-format.ts';
import { judgeBookRecord } from './book.ts';
import { judgeNewsRecord, relatedSymbols } from './news.ts';
import { judgeFinnhubRecord } from './trade.ts';

/** Finnhub's records, and the order books of the simulated market, which speaks its protocol. */
export const FINNHUB: RecordFormat = {
  name: 'finnhub',
  isSampled: false,
  seeTrade: ({ s, t, p, v, c }) => ({
    symbol: s,
    eventTimeMs: t,
    isTrade: v !== 0,
    ownId: null,
    price: p,
    size: v,
    conditions: c,
  }),
  judgeTrade: judgeFinnhubRecord,
  conditionsOf: ({ c }) => c,
  seeBook: ({ s, t }) => ({ symbol: readSymbol(s), name: t }),
  judgeBook: judgeBookRecord,
  seeNews: (record) => ({ symbol: relatedSymbols(record)[0] ?? null, name: record['id'] }),
  judgeNews: judgeNewsRecord,
};
