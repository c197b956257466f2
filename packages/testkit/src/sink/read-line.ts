import type { FieldValue, Point } from '@kandle/market/sink/line-protocol';

/**
 * Reads a line of line protocol from left to right, as InfluxDB 1 and 2 do: a separator counts unless a
 * backslash stands before it, and in a quoted text nothing does but its end.
 *
 * @throws {Error} If it is not one point.
 */
export function readLine(line: string): Point {
  if (/[\n\r]/.test(line)) throw new Error('more than one line');
  let at = 0;

  function until(separators: string): string {
    const from = at;
    while (at < line.length && (!separators.includes(line[at] ?? '') || line[at - 1] === '\\')) at++;
    const text = line.slice(from, at).replaceAll(/\\([,= ])/g, '$1');
    if (text === '') throw new Error(`nothing stands at ${from}`);
    return text;
  }

  function quoted(): string {
    const from = ++at;
    while (at < line.length && line[at] !== '"') at += line[at] === '\\' ? 2 : 1;
    return line.slice(from, at++).replaceAll(/\\(["\\])/g, '$1');
  }

  /** Names and values up to a blank. */
  function pairs<Value>(read: () => Value): Readonly<Record<string, Value>> {
    const found: Record<string, Value> = {};
    for (;;) {
      const name = until('=');
      at++;
      found[name] = read();
      if (line[at++] !== ',') break;
    }
    if (line[at - 1] !== ' ') throw new Error(`no blank before ${at}`);
    return found;
  }

  const measurement = until(', ');
  const tags = line[at++] === ',' ? pairs(() => until(', ')) : {};
  const fields = pairs(() => (line[at] === '"' ? quoted() : plainValue(until(', '))));
  return { measurement, tags, fields, timeNs: BigInt(line.slice(at)) };
}

function plainValue(text: string): FieldValue {
  if (/^-?\d+i$/.test(text)) return BigInt(text.slice(0, -1));
  if (text === 'true' || text === 'false') return text === 'true';
  if (!/^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(text)) throw new Error(`${text} is no value`);
  return Number(text);
}
