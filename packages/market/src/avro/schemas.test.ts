import { expect, test } from 'vitest';
import { z } from 'zod';
import { CandleBatchSchema } from '../candle/candle-batch.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import { FeedGapSchema } from '../feed/feed-gap.ts';
import { RawBatchSchema } from '../feed/raw-batch.ts';
import { IndicatorBatchSchema } from '../indicator/indicator-batch.ts';
import { InstrumentSchema, ListOutcomeSchema } from '../instrument/instrument-events.ts';
import { SignalBatchSchema } from '../signal/signal-batch.ts';
import { TradeColumnsSchema } from '../trade/trade-batch.ts';
import { AVRO_SCHEMAS, type AvroRecord, type AvroSchema, subjectOf } from './schemas.ts';

const ZOD_SCHEMAS: readonly (readonly [string, z.ZodType])[] = [
  [EVENT_TYPES.rawTrades, RawBatchSchema],
  [EVENT_TYPES.feedGap, FeedGapSchema],
  [EVENT_TYPES.trades, TradeColumnsSchema],
  [EVENT_TYPES.candles, CandleBatchSchema],
  [EVENT_TYPES.indicators, IndicatorBatchSchema],
  [EVENT_TYPES.signals, SignalBatchSchema],
  [EVENT_TYPES.instrument, InstrumentSchema],
  [EVENT_TYPES.instrumentList, ListOutcomeSchema],
];

/** What a parser takes, as JSON Schema has it: only the parts that are looked at here. */
interface Json {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
  readonly items?: Json;
  readonly prefixItems?: readonly Json[];
  readonly anyOf?: readonly Json[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
}

/** What parsers take without, for the sake of old events, and every writer writes. */
const ALWAYS_WRITTEN: readonly string[] = ['data.candles[].complete', 'data.candles[].lastTradeMs'];

function jsonOf(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
}

/** Where an Avro schema and what a parser takes are not alike; empty where they are. */
function differences(avro: AvroSchema, json: Json, at: string): readonly string[] {
  if (Array.isArray(avro)) return unionDifferences(avro as readonly AvroSchema[], json, at);
  if (typeof avro === 'string') {
    const taken: Readonly<Record<string, readonly string[]>> = {
      string: ['string'],
      boolean: ['boolean'],
      double: ['number'],
      long: ['integer'],
      int: ['integer', 'number'],
    };
    const type = json.type ?? typeof (json.const ?? json.enum?.[0]);
    return taken[avro]?.includes(String(type)) === true
      ? []
      : [`${at}: ${avro} is not ${JSON.stringify(json)}`];
  }
  const one = avro as Exclude<AvroSchema, string | readonly AvroSchema[]>;
  if (one.type === 'record') return recordDifferences(one, json, at);
  if (one.type === 'map') return json.type === 'object' ? [] : [`${at}: no map`];
  // Any JSON: the parser looks at it when it has been read.
  if (one.type === 'string') return [];
  const items = json.prefixItems?.[0] ?? json.items;
  return items === undefined ? [`${at}: no list`] : differences(one.items, items, `${at}[]`);
}

function unionDifferences(branches: readonly AvroSchema[], json: Json, at: string): readonly string[] {
  const types = new Set((json.anyOf ?? [json]).flatMap(({ type }) => type));
  if (branches.includes('long') && branches.includes('string'))
    return types.has('number') && types.has('string') ? [] : [`${at}: no number or text`];
  const rest = branches.filter((branch) => branch !== 'null');
  const others = (json.anyOf ?? [json]).filter(({ type }) => type !== 'null');
  if (rest.length !== others.length) return [`${at}: ${others.length} forms, and not ${rest.length}`];
  return rest.flatMap((branch, n) => differences(branch, others[n] ?? {}, at));
}

function recordDifferences({ fields }: AvroRecord, json: Json, at: string): readonly string[] {
  const { properties = {}, required = [] } = json;
  const names = fields.map(({ name }) => name);
  return [
    ...Object.keys(properties).flatMap((name) => (names.includes(name) ? [] : [`${at}.${name} is missing`])),
    ...fields.flatMap(({ name, type, ...rest }) => {
      const property = properties[name];
      if (property === undefined) return [`${at}.${name} is nothing that is read`];
      const isOptional = rest.default === null;
      if (isOptional && required.includes(name)) return [`${at}.${name} may not be absent`];
      const mayBeAbsent = !required.includes(name) && !ALWAYS_WRITTEN.includes(`${at}.${name}`);
      if (!isOptional && mayBeAbsent) return [`${at}.${name} may be absent`];
      return differences(type, property, `${at}.${name}`);
    }),
  ];
}

test.each(ZOD_SCHEMAS)(
  'the Avro schema has the fields that the parser takes, when the event is %s',
  (type, zod) => {
    const avro = AVRO_SCHEMAS.get(type);
    expect(avro).toBeDefined();
    if (avro !== undefined) expect(differences(avro, jsonOf(zod), 'data')).toEqual([]);
  },
);

test('a difference is found, when a field is left out, is another, or may be absent', () => {
  const candles = AVRO_SCHEMAS.get(EVENT_TYPES.candles);
  const json = jsonOf(CandleBatchSchema);
  if (candles === undefined) throw new Error('no schema');
  const [first, second] = candles.fields;
  if (first === undefined || second === undefined) throw new Error('no fields');
  const spoilt = [
    { ...candles, fields: candles.fields.slice(1) },
    { ...candles, fields: [...candles.fields, { ...first, name: 'another' }] },
    { ...candles, fields: [{ ...first, type: 'long' }, ...candles.fields.slice(1)] },
    {
      ...candles,
      fields: [{ ...first, type: ['null', 'string'], default: null }, ...candles.fields.slice(1)],
    },
  ] as const;
  for (const one of spoilt) expect(differences(one, json, 'data')).not.toEqual([]);
});

test('a difference is found, when it is within a part that may be absent', () => {
  const gap = AVRO_SCHEMAS.get(EVENT_TYPES.feedGap);
  const report = gap?.fields.find(({ name }) => name === 'backfill');
  const [, part] = Array.isArray(report?.type) ? (report.type as readonly AvroSchema[]) : [];
  if (gap === undefined || report === undefined || part === undefined) throw new Error('no such part');
  const fields = gap.fields.filter((one) => one !== report);
  const { fields: inner } = part as AvroRecord;
  const withPart = (changed: AvroRecord['fields']): AvroRecord => ({
    ...gap,
    fields: [...fields, { ...report, type: ['null', { ...(part as AvroRecord), fields: changed }] }],
  });
  const json = jsonOf(FeedGapSchema);
  expect(differences(withPart(inner), json, 'data')).toEqual([]);
  expect(differences({ ...gap, fields }, json, 'data')).toEqual(['data.backfill is missing']);
  expect(differences(withPart(inner.slice(0, -1)), json, 'data')).toEqual(['data.backfill.note is missing']);
  const changed = inner.map((one) => (one.name === 'trades' ? { ...one, type: 'string' } : one));
  expect(differences(withPart(changed), json, 'data')).toHaveLength(1);
  const optional = { ...report, type: part } as AvroRecord['fields'][number];
  const { default: _, ...always } = optional;
  expect(differences({ ...gap, fields: [...fields, always] }, json, 'data')).toEqual([
    'data.backfill may be absent',
  ]);
});

test('every event of a topic but the refused records has a schema, whole in itself', () => {
  // Clean books and news were sent once, and are no more.
  const { signal: _, rejects: __, books: ___, news: ____, ...ofTopics } = EVENT_TYPES;
  expect([...AVRO_SCHEMAS.keys()].toSorted()).toEqual(Object.values(ofTopics).toSorted());
  for (const schema of AVRO_SCHEMAS.values()) {
    expect(subjectOf(schema)).toMatch(/^io\.kandle\.v1\.[A-Z]\w+$/);
    // A name that stands in place of a type would refer to another schema, or to another part of this one.
    expect(namesIn(schema)).toEqual([]);
  }
});

const BUILT_IN = new Set(['null', 'boolean', 'int', 'long', 'double', 'string']);

function namesIn(schema: unknown): readonly string[] {
  if (typeof schema === 'string') return BUILT_IN.has(schema) ? [] : [schema];
  if (Array.isArray(schema)) return schema.flatMap(namesIn);
  const { type, items, values, fields } = schema as Record<string, unknown>;
  if (type === 'record') return (fields as readonly { type: unknown }[]).flatMap((one) => namesIn(one.type));
  return namesIn(items ?? values ?? type);
}
