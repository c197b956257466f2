import type { Schema } from 'avsc';
import types from 'avsc/lib/types.js';

/** Reads the data of a record: what JSON would have. @throws {Error} If the schema is not that of the data. */
export type ForeignReader = (data: Buffer) => unknown;

/** Numbers that no double holds are texts, as a mapping takes them; a long may be nanoseconds. */
const LONG = types.builtins.LongType.__with({
  fromBuffer(bytes: Buffer) {
    const value = bytes.readBigInt64LE();
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  },
  toBuffer(value: number | string) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: (value: unknown) => value,
  toJSON: (value: unknown) => value,
  isValid: (value: unknown) => Number.isSafeInteger(value) || typeof value === 'string',
  compare: (a: number | string, b: number | string) => Math.sign(Number(BigInt(a) - BigInt(b))),
});

/** A decimal, exact: its text. */
class Decimal extends types.builtins.LogicalType {
  readonly #scale: number;

  constructor(schema: Schema, options?: object) {
    super(schema, options);
    const { scale = 0 } = Object(schema) as { readonly scale?: number };
    if (!Number.isInteger(scale) || scale < 0 || scale > 100) throw new RangeError('not a scale');
    this.#scale = scale;
  }

  override _fromValue(bytes: Buffer): string {
    const unscaled =
      bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`));
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(this.#scale + 1, '0');
    const point = digits.length - this.#scale;
    const text = this.#scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
    return unscaled < 0n ? `-${text}` : text;
  }

  override _toValue(): never {
    throw new RangeError('decimals are read and not written');
  }

  override _resolve(): undefined {
    return undefined;
  }
}

/**
 * A reader of Avro that others write, by the schema that it is written with.
 *
 * @param schema Its text.
 * @throws {Error} If it is no schema.
 */
export function createForeignReader(schema: string): ForeignReader {
  const type = types.Type.forSchema(JSON.parse(schema), {
    registry: { long: LONG },
    logicalTypes: { decimal: Decimal },
    omitRecordMethods: true,
  });
  return (data) => type.fromBuffer(data);
}
