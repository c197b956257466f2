import { EVENT_TYPES } from '../event/topics.ts';

/** An Avro schema as JSON has it: the name of a type, a union of several, or a type with its parts. */
export type AvroSchema = string | readonly AvroSchema[] | AvroRecord | AvroArray | AvroMap | AvroText;

/** A record. A field whose default is null is absent in JSON where it is null. */
export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields: readonly AvroField[];
}

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly doc?: string;
  readonly default?: unknown;
}

interface AvroArray {
  readonly type: 'array';
  readonly items: AvroSchema;
}

interface AvroMap {
  readonly type: 'map';
  readonly values: AvroSchema;
}

/** A text that holds JSON. */
interface AvroText {
  readonly type: 'string';
  readonly logicalType: 'json';
}

const NAMESPACE = 'io.kandle.v1';

/**
 * An integer of any size: a long while it is within ±(2^53 - 2), else its decimal text. Not Avro's `decimal`:
 * its digits are bounded by the schema, many readers stop at 38, and a notional may have 47.
 */
const EXACT: AvroSchema = ['long', 'string'];
/** What has no schema, as it came. */
const JSON_TEXT: AvroSchema = { type: 'string', logicalType: 'json' };

const arrayOf = (items: AvroSchema): AvroSchema => ({ type: 'array', items });
const field = (name: string, type: AvroSchema, doc?: string): AvroField => ({
  name,
  type,
  ...(doc === undefined ? {} : { doc }),
});
const optional = (name: string, type: AvroSchema, doc?: string): AvroField => ({
  ...field(name, ['null', ...(Array.isArray(type) ? type : [type])], doc),
  default: null,
});
const record = (name: string, fields: readonly AvroField[]): AvroRecord => ({ type: 'record', name, fields });
const event = (name: string, doc: string, fields: readonly AvroField[]): AvroRecord => ({
  type: 'record',
  name,
  namespace: NAMESPACE,
  doc,
  fields,
});

const RULES: AvroSchema = [
  'string',
  record('ConditionRules', [
    field('highLow', arrayOf('string')),
    field('volume', arrayOf('string')),
    field('nothing', arrayOf('string')),
  ]),
];

const RAW_BATCH = event('RawBatch', "A batch of a feed's records, as they came.", [
  optional('format', 'string', 'Whose records they are; null: of Finnhub.'),
  optional('rules', RULES, 'By which rules their conditions count.'),
  field(
    'records',
    arrayOf(
      record('RawRecord', [
        field('id', 'string'),
        field('record', JSON_TEXT, 'The record as the feed sent it, JSON.'),
        optional('delayMs', 'long', 'How far its symbol is behind its shard, if it is known to be delayed.'),
      ]),
    ),
  ),
]);

const GAP = event('FeedGap', 'A stretch of event time, both ends included, that a shard may lack.', [
  field('shard', 'string'),
  field('fromMs', 'long'),
  field('toMs', 'long'),
  field('reason', 'string'),
  field('droppedRecords', 'long', '0 where nobody can know.'),
  optional('sampled', 'boolean', 'True: the feed shows its market from time to time, and tells no trades.'),
  optional(
    'backfill',
    record('GapBackfill', [
      field('source', 'string'),
      field('atMs', 'long'),
      field('state', 'string', 'filled, partly or unfilled'),
      field('trades', 'long'),
      field(
        'left',
        arrayOf(
          record('LeftSpan', [
            field('symbol', 'string', '* is every symbol of the shard.'),
            field('fromMs', 'long'),
            field('toMs', 'long'),
          ]),
        ),
      ),
      field('note', 'string'),
    ]),
    'What became of it when its trades were looked for elsewhere.',
  ),
]);

const TRADES = event(
  'TradeBatch',
  'A batch of clean trades by columns: the n-th trade is the n-th of each.',
  [
    field('symbols', arrayOf('string')),
    field('symbol', arrayOf('int'), 'Place in symbols.'),
    field('eventTimeMs', arrayOf('long')),
    field('priceE8', arrayOf(EXACT), 'In units of 1e-8; a long within ±(2^53 - 2), else its decimal text.'),
    field('sizeE8', arrayOf(EXACT)),
    field('id', arrayOf('string')),
    optional('rank', arrayOf('int'), 'What its price may set; null: everything, for all.'),
    optional('conditions', arrayOf('string'), 'Codes with commas between; null: none, for all.'),
  ],
);

const CANDLES = event('CandleBatch', 'Changed candles of one shard and window.', [
  field('shard', 'string'),
  field('windowStartMs', 'long'),
  field('windowMs', 'long'),
  field('kind', 'string', 'provisional, final or revised'),
  field('version', 'long'),
  optional('sampled', 'boolean', 'True: tradeCount counts looks at a market, not trades.'),
  field(
    'candles',
    arrayOf(
      record('Candle', [
        field('symbol', 'string'),
        field('version', 'long', 'Keep the highest of a symbol and window.'),
        field('state', 'string', 'provisional, final or revised'),
        field('revision', 'long'),
        field('reason', ['null', 'string']),
        field('complete', 'boolean'),
        field('lastTradeMs', 'long'),
        field('openE8', EXACT, 'In units of 1e-8; a long within ±(2^53 - 2), else its decimal text.'),
        field('highE8', EXACT),
        field('lowE8', EXACT),
        field('closeE8', EXACT),
        field('volumeE8', EXACT),
        field('notionalE16', EXACT, 'In units of 1e-16.'),
        field('priceSumE8', EXACT),
        field('tradeCount', 'long'),
        optional('rank', 'int', 'Of what rank its prices are; null: the best.'),
      ]),
    ),
  ),
]);

const INDICATORS = event('IndicatorBatch', 'Indicators of one shard after one window.', [
  field('shard', 'string'),
  field('windowStartMs', 'long'),
  field(
    'indicators',
    arrayOf(
      record('SymbolIndicators', [
        field('symbol', 'string'),
        field('version', 'long', 'Keep the highest of a symbol and window.'),
        field('candleVersion', 'long'),
        field('repeated', 'long'),
        field('restarted', 'boolean'),
        field('close', 'double'),
        field('values', { type: 'map', values: 'double' }, 'Those that are warm, by name.'),
      ]),
    ),
  ),
]);

const SIGNALS = event('SignalBatch', 'Signals of one shard and window.', [
  field('shard', 'string'),
  field('windowStartMs', 'long'),
  field('version', 'long'),
  field(
    'signals',
    arrayOf(
      record('Signal', [
        field('id', 'string'),
        field('rule', 'string'),
        field('symbol', 'string'),
        field('windowStartMs', 'long'),
        field('side', 'string', 'buy, sell or neutral'),
        field('strength', 'double'),
        field('numbers', { type: 'map', values: 'double' }),
        field('text', 'string'),
        field('state', 'string', 'active or retracted'),
        field('version', 'long', 'Keep the highest of an id.'),
        field('causedAtMs', 'long'),
      ]),
    ),
  ),
]);

const INSTRUMENT = event('Instrument', 'An instrument under one ticker of one feed, while it has it.', [
  ...['feed', 'list', 'id', 'ticker', 'market', 'currency', 'type', 'description', 'figi', 'isin'].map(
    (name) => field(name, 'string'),
  ),
  field('validFromMs', 'long'),
  field('validToMs', ['null', 'long'], 'Null while it has the ticker.'),
  field('status', 'string', 'active or inactive'),
  field('absences', 'long'),
  field('changedAtMs', 'long'),
]);

const LIST = event('ListOutcome', "How the newest refresh of a vendor's list ended.", [
  field('feed', 'string'),
  field('list', 'string'),
  field('triedAtMs', 'long'),
  field('takenAtMs', ['null', 'long']),
  field('refusal', 'string'),
  field('active', 'long'),
]);

/**
 * The Avro schema of each event's data, by the event's type; what has none here stays JSON: refused records,
 * which have no form, and whose readers are people. Each is whole in itself: it refers to no other one. The
 * rules of change: a new field has a default, a field without one stays (`docs/operations.md`, "Avro").
 */
export const AVRO_SCHEMAS: ReadonlyMap<string, AvroRecord> = new Map([
  [EVENT_TYPES.rawTrades, RAW_BATCH],
  [EVENT_TYPES.rawBooks, RAW_BATCH],
  [EVENT_TYPES.rawNews, RAW_BATCH],
  [EVENT_TYPES.feedGap, GAP],
  [EVENT_TYPES.trades, TRADES],
  [EVENT_TYPES.candles, CANDLES],
  [EVENT_TYPES.indicators, INDICATORS],
  [EVENT_TYPES.signals, SIGNALS],
  [EVENT_TYPES.instrument, INSTRUMENT],
  [EVENT_TYPES.instrumentList, LIST],
]);

/** The subject under which a registry keeps a schema: the full name of its record. */
export function subjectOf({ namespace, name }: AvroRecord): string {
  return namespace === undefined ? name : `${namespace}.${name}`;
}
