/** A field's value: a number is a double, a bigint a 64-bit integer. */
export type FieldValue = number | bigint | string | boolean;

/** A point of InfluxDB: measurement, tags and time say which it is, its fields what it says. */
export interface Point {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly timeNs: bigint;
}

const MAX_INTEGER = 2n ** 63n - 1n;

/**
 * A point as a line of line protocol, without a line end.
 *
 * What line protocol cannot carry is written as what comes nearest: a line end as a blank, and in a name or a
 * tag a backslash that stands before a comma, an equals sign, a blank or the end as `＼` (U+FF3C), for the
 * versions of InfluxDB read it differently, or take it for an escape of what follows.
 *
 * @throws {RangeError} If a name, a tag or the list of fields is empty, or a number is not one that InfluxDB
 * has.
 */
export function formatPoint({ measurement, tags, fields, timeNs }: Point): string {
  const head = [
    measurementText(measurement),
    ...Object.entries(tags).map(([key, value]) => `${nameText(key)}=${nameText(value)}`),
  ];
  const values = Object.entries(fields).map(([key, value]) => `${nameText(key)}=${valueText(key, value)}`);
  if (values.length === 0) throw new RangeError('a point has no field');
  return `${head.join(',')} ${values.join(',')} ${checkedInteger('time', timeNs)}`;
}

function measurementText(text: string): string {
  // Of a line that begins so InfluxDB reads nothing.
  if (text.startsWith('#')) throw new RangeError('a measurement begins with #');
  return plainText(text).replaceAll(/[, ]/g, String.raw`\$&`);
}

/** A tag's or field's name, or a tag's value. */
function nameText(text: string): string {
  return plainText(text).replaceAll(/[,= ]/g, String.raw`\$&`);
}

function plainText(text: string): string {
  const plain = withoutLineEnds(text).replaceAll(/\\(?=\\*(?:[,= ]|$))/g, '＼');
  if (plain === '') throw new RangeError('a name or a tag of a point is empty');
  return plain;
}

function withoutLineEnds(text: string): string {
  return text.replaceAll(/\r\n|[\n\r]/g, ' ');
}

function valueText(key: string, value: FieldValue): string {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) throw new RangeError(`the field ${key} is no finite number`);
      return String(value);
    case 'bigint':
      return `${checkedInteger(key, value)}i`;
    case 'boolean':
      return String(value);
    default:
      return `"${withoutLineEnds(value).replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  }
}

function checkedInteger(name: string, value: bigint): bigint {
  if (value > MAX_INTEGER || value < -MAX_INTEGER) throw new RangeError(`${name} is beyond 2^63`);
  return value;
}
