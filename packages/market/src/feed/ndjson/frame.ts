import type { FeedFrame } from '../feed-frame.ts';
import { readAmount, readTimeMs } from './values.ts';
import type { NdjsonMapping, NdjsonRule } from './mapping.ts';

type Json = Readonly<Record<string, unknown>>;
type RuleOf<Kind extends NdjsonRule['kind']> = Extract<NdjsonRule, { readonly kind: Kind }>;

const MAX_SHOWN = 200;

/**
 * Reads a line of a feed of JSON lines by its mapping; whatever it is, it is an answer. What a record lacks, or
 * has in another form than it should, is left as it is, for whoever judges it.
 */
export function parseNdjsonLine(text: string, mapping: NdjsonMapping): FeedFrame {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return {
      kind: 'bad',
      detail: `not JSON: ${String(error instanceof Error ? error.message : error).slice(0, MAX_SHOWN)}`,
    };
  }
  if (typeof parsed !== 'object' || parsed === null) return { kind: 'bad', detail: 'not a JSON object' };
  const rule = mapping.find(({ when }) =>
    Object.entries(when).every(([name, value]) => valueAt(parsed, name) === value),
  );
  if (rule === undefined) {
    const type = valueAt(parsed, 'type');
    return { kind: 'unknown', type: typeof type === 'string' ? type.slice(0, MAX_SHOWN) : 'of no rule' };
  }
  if (rule.kind === 'ignore') return { kind: 'ping', passedMs: 0, recvMs: null };
  const list = rule.each === undefined ? [parsed] : valueAt(parsed, rule.each);
  if (!Array.isArray(list)) return { kind: 'bad', detail: `${rule.each} is no list` };
  const kind = rule.kind === 'sample' || rule.kind === 'bar' ? 'trade' : rule.kind;
  return { kind, entries: list.flatMap((entry: unknown) => entriesOf(entry, rule)) };
}

function entriesOf(entry: unknown, rule: Exclude<NdjsonRule, RuleOf<'ignore'>>): readonly Json[] {
  if (rule.kind === 'bar') return samplesOfBar(entry, rule);
  if (rule.kind === 'trade') return [tradeOf(entry, rule)];
  if (rule.kind === 'sample') return [sampleOf(entry, rule)];
  return [rule.kind === 'book' ? bookOf(entry, rule) : newsOf(entry, rule)];
}

/** The value at a path of names; undefined if it leads nowhere. */
function valueAt(record: unknown, path: string): unknown {
  let value = record;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    const object: Json = { ...value };
    value = object[name];
  }
  return value;
}

/** What JSON does not know becomes what it knows. */
function orNull(value: unknown): unknown {
  return value ?? null;
}

function tradeOf(entry: unknown, { symbol, price, size, time, id }: RuleOf<'trade'>): Json {
  return {
    s: orNull(valueAt(entry, symbol)),
    p: orNull(readAmount(valueAt(entry, price))),
    t: orNull(readTimeMs(valueAt(entry, time.name), time.unit)),
    v: orNull(readAmount(valueAt(entry, size))),
    ...(id === undefined ? {} : { i: orNull(valueAt(entry, id)) }),
  };
}

function sampleOf(entry: unknown, { symbol, price, time, dayVolume }: RuleOf<'sample'>): Json {
  return {
    s: orNull(valueAt(entry, symbol)),
    p: orNull(readAmount(valueAt(entry, price))),
    t: orNull(readTimeMs(valueAt(entry, time.name), time.unit)),
    dv: dayVolume === undefined ? null : orNull(readAmount(valueAt(entry, dayVolume))),
  };
}

/**
 * A bar is four looks at its market: the open at its start, high and low within it, the close at its end, and
 * its volume with the close. Their candle has the bar's open, high, low, close and volume; in which order high
 * and low came, nobody knows.
 */
function samplesOfBar(entry: unknown, rule: RuleOf<'bar'>): readonly Json[] {
  const { time, lengthMs } = rule;
  const told = readTimeMs(valueAt(entry, time.name), time.unit);
  const startMs = typeof told === 'number' && time.at === 'end' ? told - lengthMs : told;
  const at = (offsetMs: number): unknown =>
    typeof startMs === 'number' ? startMs + offsetMs : orNull(startMs);
  const s = orNull(valueAt(entry, rule.symbol));
  const look = (name: string, offsetMs: number, v: unknown): Json => ({
    s,
    p: orNull(readAmount(valueAt(entry, name))),
    t: at(offsetMs),
    dv: null,
    v,
  });
  const volume = rule.volume === undefined ? null : orNull(readAmount(valueAt(entry, rule.volume)));
  const half = Math.floor(lengthMs / 2);
  return [
    look(rule.open, 0, null),
    look(rule.high, half, null),
    look(rule.low, half, null),
    look(rule.close, lengthMs - 1, volume),
  ];
}

function bookOf(entry: unknown, { symbol, time, bids, asks, level }: RuleOf<'book'>): Json {
  const levels = (value: unknown): unknown => {
    if (!Array.isArray(value)) return orNull(value);
    return value.map((one: unknown) =>
      level === undefined
        ? pairOf(one)
        : [orNull(readAmount(valueAt(one, level.price))), orNull(readAmount(valueAt(one, level.size)))],
    );
  };
  return {
    s: orNull(valueAt(entry, symbol)),
    t: orNull(readTimeMs(valueAt(entry, time.name), time.unit)),
    b: levels(valueAt(entry, bids)),
    a: levels(valueAt(entry, asks)),
  };
}

function pairOf(level: unknown): unknown {
  return Array.isArray(level) ? level.map((value: unknown) => orNull(readAmount(value))) : orNull(level);
}

function newsOf(entry: unknown, rule: RuleOf<'news'>): Json {
  const told = readTimeMs(valueAt(entry, rule.time.name), rule.time.unit);
  const symbols = valueAt(entry, rule.symbols);
  const more = (['sentiment', 'summary', 'source', 'category', 'url'] as const).flatMap((name) => {
    const path = rule[name];
    const value = path === undefined ? undefined : valueAt(entry, path);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    id: orNull(valueAt(entry, rule.id)),
    datetime: typeof told === 'number' ? Math.floor(told / 1_000) : orNull(told),
    headline: orNull(valueAt(entry, rule.headline)),
    related: Array.isArray(symbols) ? symbols.join(',') : orNull(symbols),
    ...Object.fromEntries(more),
  };
}
