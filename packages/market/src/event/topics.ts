/** The topics of the pipeline, by what they carry. */
export const TOPICS = {
  raw: 'market.raw.v1',
  trades: 'market.trades.v1',
  candles: 'market.candles.v1',
  signals: 'market.signals.v1',
  /** What is newest of each instrument and list: compacted, not cut off by time. */
  instruments: 'market.instruments.v1',
  rejects: 'market.rejects.v1',
  dead: 'market.dead.v1',
  /** The ledger of `redrive`: which dead letters were sent again. */
  redriven: 'market.redriven.v1',
} as const;

/** The CloudEvent types of the pipeline. A change that an old reader cannot read gets a new version. */
export const EVENT_TYPES = {
  rawTrades: 'io.kandle.trades.raw.v1',
  rawBooks: 'io.kandle.books.raw.v1',
  rawNews: 'io.kandle.news.raw.v1',
  feedGap: 'io.kandle.feed.gap.v1',
  trades: 'io.kandle.trades.v1',
  /**
   * Sent until 2026-11-29, beside the trades; nobody reads them. The topic of trades holds them for 7 days, and
   * a dead letter of one can be sent again for 14 days more: from 2026-12-21 on none is left, and nobody needs
   * to leave them (aggregate, the sinks).
   */
  books: 'io.kandle.books.v1',
  news: 'io.kandle.news.v1',
  candles: 'io.kandle.candles.v1',
  indicators: 'io.kandle.indicators.v1',
  signals: 'io.kandle.signals.v1',
  /** One signal, as notify tells it to a CloudEvents sink outside. */
  signal: 'io.kandle.signal.v1',
  instrument: 'io.kandle.instrument.v1',
  /** How the newest refresh of a vendor's list ended. */
  instrumentList: 'io.kandle.instruments.list.v1',
  rejects: 'io.kandle.rejects.v1',
} as const;
