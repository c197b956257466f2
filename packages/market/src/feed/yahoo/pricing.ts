import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/**
 * What is read of Yahoo's `PricingData`. The wire leaves out what is zero, so an absent field and a zero are
 * the same; they are null here, but for the enums, whose zero has a meaning.
 *
 * `timeMs` is UNIX milliseconds; `price` a 32-bit float, not rounded yet; `dayVolume` cumulative.
 */
export interface YahooPricing {
  readonly id: string;
  readonly price: number | null;
  readonly timeMs: number | null;
  readonly currency: string;
  readonly exchange: string;
  readonly quoteType: number;
  readonly marketHours: number;
  readonly dayVolume: number | null;
  /** Number of decimals that the price has. */
  readonly priceHint: number | null;
}

/** Quote types that are treated in another way than a share's. */
export const QUOTE_TYPES = { heartbeat: 7, currency: 14, cryptocurrency: 41 } as const;

type FieldValue = string | number | bigint;

/** The fields that are read, by their number; others are passed over. */
const FIELDS: ReadonlyMap<
  number,
  readonly [name: string, wire: WireType, (from: BinaryReader) => FieldValue]
> = new Map([
  [1, ['id', WireType.LengthDelimited, (from) => from.string()]],
  [2, ['price', WireType.Bit32, (from) => from.float()]],
  // sint64 is zigzag: read as a plain int64 the time would be twice too large.
  [3, ['timeMs', WireType.Varint, (from) => BigInt(from.sint64())]],
  [4, ['currency', WireType.LengthDelimited, (from) => from.string()]],
  [5, ['exchange', WireType.LengthDelimited, (from) => from.string()]],
  [6, ['quoteType', WireType.Varint, (from) => from.int32()]],
  [7, ['marketHours', WireType.Varint, (from) => from.int32()]],
  [9, ['dayVolume', WireType.Varint, (from) => BigInt(from.sint64())]],
  [27, ['priceHint', WireType.Varint, (from) => BigInt(from.sint64())]],
]);

/**
 * Reads a `PricingData` message; a field of another type than it should have is passed over like an unknown
 * one.
 *
 * @throws {Error} If the bytes are no protobuf message.
 */
export function decodePricing(bytes: Uint8Array): YahooPricing {
  const reader = new BinaryReader(bytes);
  const values = new Map<string, FieldValue>();
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    // Groups nest without a bound, and proto3 has none.
    if (wire === WireType.StartGroup || wire === WireType.EndGroup)
      throw new RangeError('Cannot read a message: it has a group');
    const [name, expected, read] = FIELDS.get(number) ?? [];
    if (name === undefined || read === undefined || wire !== expected) reader.skip(wire, number);
    else values.set(name, read(reader));
  }
  return {
    id: textOf(values.get('id')),
    price: numberOf(values.get('price')),
    timeMs: numberOf(values.get('timeMs')),
    currency: textOf(values.get('currency')),
    exchange: textOf(values.get('exchange')),
    quoteType: Number(values.get('quoteType') ?? 0),
    marketHours: Number(values.get('marketHours') ?? 0),
    dayVolume: numberOf(values.get('dayVolume')),
    priceHint: numberOf(values.get('priceHint')),
  };
}

function textOf(value: FieldValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: FieldValue | undefined): number | null {
  const number = Number(value ?? 0);
  return number === 0 ? null : number;
}

/** Most decimals that a hint is believed to ask for; prices have no more in the pipeline. */
const MAX_HINT = 8;
/** Digits that tell any two 32-bit floats apart. */
const FLOAT_DIGITS = 9;

/**
 * The decimal price that a 32-bit float stands for: with as many decimals as the hint says; without one, or
 * where they would leave nothing of it, the shortest decimal that is this float.
 */
export function roundedPrice(price: number, hint: number | null): number {
  const isHint = hint !== null && Number.isInteger(hint) && hint > 0 && hint <= MAX_HINT;
  const rounded = isHint ? Number(price.toFixed(hint)) : 0;
  return rounded === 0 ? shortestFloat(price) : rounded;
}

function shortestFloat(price: number): number {
  if (!Number.isFinite(price)) return price;
  for (let digits = 1; digits < FLOAT_DIGITS; digits++) {
    const short = Number(price.toPrecision(digits));
    if (Math.fround(short) === price) return short;
  }
  return Number(price.toPrecision(FLOAT_DIGITS));
}
