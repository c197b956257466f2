import type { AvroField, AvroSchema } from '@kandle/market/avro/schemas';
import { parseJson } from '../received-event.ts';

/**
 * What JSON data and Avro's values differ in, by a schema: whole numbers that may be large, texts that hold
 * JSON, fields that are absent. `read` changes what it is given, which nobody else has.
 */
export interface Conversion {
  write(value: unknown): unknown;
  read(value: unknown): unknown;
}

/** Largest number that avsc takes for a long; a safe integer may be one more. */
const MAX_LONG = 9_007_199_254_740_990;

/** The conversion of a schema; null where values are the same in both. */
export function conversionOf(schema: AvroSchema): Conversion | null {
  if (typeof schema === 'string') return null;
  if (isUnion(schema)) return unionConversion(schema);
  if (schema.type === 'record') return recordConversion(schema.fields);
  if (schema.type === 'map') return null;
  return schema.type === 'array' ? arrayConversion(schema.items) : JSON_TEXT;
}

const JSON_TEXT: Conversion = {
  write: (value) => JSON.stringify(value) ?? 'null',
  read: (value) => parseJson(String(value)),
};

const EXACT: Conversion = {
  write: (value) => (isTooLong(value) ? String(value) : value),
  read: (value) => value,
};

function isTooLong(value: unknown): boolean {
  return typeof value === 'number' && (value > MAX_LONG || value < -MAX_LONG);
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

function unionConversion(branches: readonly AvroSchema[]): Conversion | null {
  if (branches.includes('long') && branches.includes('string')) return EXACT;
  const found = branches.flatMap((branch) => conversionOf(branch) ?? []);
  if (found.length > 1) throw new RangeError('Cannot convert by a schema: two branches of a union differ');
  const [one] = found;
  if (one === undefined) return null;
  return {
    write: (value) => (value === null || value === undefined ? null : one.write(value)),
    read: (value) => (value === null ? null : one.read(value)),
  };
}

function arrayConversion(items: AvroSchema): Conversion | null {
  const item = conversionOf(items);
  if (item === null) return null;
  if (item === EXACT) {
    return {
      // Nearly always none is too long, and nothing is copied.
      write: (value) => (Array.isArray(value) && value.some(isTooLong) ? value.map(EXACT.write) : value),
      read: (value) => value,
    };
  }
  return {
    write: (value) => (Array.isArray(value) ? value.map((one) => item.write(one)) : value),
    read(value) {
      if (!Array.isArray(value)) return value;
      for (let index = 0; index < value.length; index++) value[index] = item.read(value[index]);
      return value;
    },
  };
}

type Fields = Record<string, unknown>;

function recordConversion(fields: readonly AvroField[]): Conversion | null {
  const changed = fields.flatMap(({ name, type }) => {
    const conversion = conversionOf(type);
    return conversion === null ? [] : [{ name, conversion }];
  });
  // Undefined as good as absent for every reader, and cheaper than to delete.
  const optional = fields.filter((one) => one.default === null).map(({ name }) => name);
  if (changed.length === 0 && optional.length === 0) return null;
  return {
    write(value) {
      if (!isObject(value)) return value;
      const copy: Fields = { ...value };
      for (const { name, conversion } of changed) copy[name] = conversion.write(copy[name]);
      return copy;
    },
    read(value) {
      if (!isObject(value)) return value;
      for (const { name, conversion } of changed) value[name] = conversion.read(value[name]);
      for (const name of optional) if (value[name] === null) value[name] = undefined;
      return value;
    },
  };
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
