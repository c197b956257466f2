/** What ingest has counted since it started. Nothing disappears without a number here. */
export interface Metrics {
  frames: number;
  /** Frames that were passed over, because they are too long. */
  refusedFrames: number;
  /** Data frames that were the very same text as the one before them on their connection. */
  repeatedFrames: number;
  pings: number;
  feedErrors: number;
  /** Entries of trade frames: each is accepted, a duplicate, or rejected, or waits. */
  records: number;
  accepted: number;
  duplicates: number;
  /** Entries whose time nothing has confirmed yet. */
  waiting: number;
  /** Trades that would be recognised if they came again. */
  remembered: number;
  /** Entries with a volume of 0: updates of a price, which make no candle. */
  priceUpdates: number;
  /** First prices of a connection that were old: the last known ones, in no candle. */
  lastKnown: number;
  /** Refused records and frames. */
  rejected: number;
  /** Rejects of which only this number is left: their queue was full. */
  rejectsLost: number;
  /** Accepted records given up because the buffer was full. */
  dropped: number;
  gaps: number;
  /** Batches of the raw topic that could not be read at start. */
  unreadableBatches: number;
  /** Acknowledged. */
  batches: number;
  /** Acknowledged. */
  sentRecords: number;
  /** Sends of batches that failed and were tried again. */
  retries: number;
  /** Entries of book frames that were taken, and those of them that a newer one of the symbol overtook. */
  books: number;
  booksCoalesced: number;
  /** Entries of news frames that were taken, and those given up because too many waited. */
  news: number;
  newsDropped: number;
}

/** Nothing counted yet. */
export function createMetrics(): Metrics {
  return {
    frames: 0,
    refusedFrames: 0,
    repeatedFrames: 0,
    pings: 0,
    feedErrors: 0,
    records: 0,
    accepted: 0,
    duplicates: 0,
    waiting: 0,
    remembered: 0,
    priceUpdates: 0,
    lastKnown: 0,
    rejected: 0,
    rejectsLost: 0,
    dropped: 0,
    gaps: 0,
    unreadableBatches: 0,
    batches: 0,
    sentRecords: 0,
    retries: 0,
    books: 0,
    booksCoalesced: 0,
    news: 0,
    newsDropped: 0,
  };
}
