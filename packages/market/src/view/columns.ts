/**
 * What a row of any view of candles says beside its key and its `version`, which counts how often its window
 * was written.
 */
export const CANDLE_CONTENT = [
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'mean_price',
  'trade_count',
  'notional',
  'volume_e8',
  'notional_e16',
  'price_sum_e8',
  'price_rank',
  'state',
  'revision',
  'reason',
  'complete',
  'sampled',
] as const;

/** An instrument as every database of ours has it; the first three are its key. */
export const INSTRUMENT_COLUMNS = [
  'feed',
  'ticker',
  'valid_from',
  'valid_to',
  'list',
  'id',
  'market',
  'currency',
  'type',
  'description',
  'figi',
  'isin',
  'status',
  'absences',
  'changed_at',
] as const;
