import { z } from 'zod';
import { e16, e8 } from '../number/fixed-point.ts';
import { formatTradeKey, parseTradeKey } from '../trade/trade.ts';
import type { WindowRow } from './window-state.ts';

/** The form of the text below. Another form gets another number; readers know all that were ever written. */
const FORMAT = 1;

const bigint = z
  .string()
  .regex(/^-?\d{1,60}$/)
  .transform(BigInt);

/** A symbol's row: its fields in this order, integers beyond 2^53 as text. */
const RowSchema = z.tuple([
  z.string(), // symbol
  z.int(), // version
  z.int(), // revision
  z.string(), // reason, empty for none
  z.string(), // first key
  z.string(), // last key
  bigint, // open
  bigint, // high
  bigint, // low
  bigint, // close
  bigint, // volume
  bigint, // notional, in 1e-16
  bigint, // sum of prices
  z.int(), // trades
  bigint, // sum of the ids' hashes
]);

const RowsSchema = z.object({ format: z.literal(FORMAT), rows: z.array(RowSchema) });

/** The text of a row, made once: of the rows of a window a batch changes a few, and all are written. */
const texts = new WeakMap<WindowRow, string>();

/** A window's rows as one text, some 230 bytes a symbol; {@link parseWindowRows} is the inverse. */
export function formatWindowRows(rows: ReadonlyMap<string, WindowRow>): string {
  const parts: string[] = [];
  for (const row of rows.values()) {
    let text = texts.get(row);
    if (text === undefined) texts.set(row, (text = formatRow(row)));
    parts.push(text);
  }
  return `{"format":${FORMAT},"rows":[${parts.join(',')}]}`;
}

function formatRow({ candle, version, revision, reason }: WindowRow): string {
  return JSON.stringify([
    candle.symbol,
    version,
    revision,
    reason ?? '',
    formatTradeKey(candle.firstKey),
    formatTradeKey(candle.lastKey),
    String(candle.openE8),
    String(candle.highE8),
    String(candle.lowE8),
    String(candle.closeE8),
    String(candle.volumeE8),
    String(candle.notionalE16),
    String(candle.priceSumE8),
    candle.tradeCount,
    String(candle.idHashSum),
  ]);
}

/**
 * The rows of a window's text.
 *
 * @throws {RangeError} If the text is not what {@link formatWindowRows} writes, or names a symbol twice.
 */
export function parseWindowRows(text: string, windowStartMs: number): ReadonlyMap<string, WindowRow> {
  const rows = new Map<string, WindowRow>();
  for (const row of parseRows(text)) {
    const [symbol, version, revision, reason, firstKey, lastKey] = row;
    const [, , , , , , open, high, low, close, volume, notional, priceSum, tradeCount, idHashSum] = row;
    if (rows.has(symbol)) throw new RangeError(`Cannot read a window's rows: ${symbol} stands in them twice`);
    rows.set(symbol, {
      version,
      revision,
      reason: reason === '' ? null : reason,
      candle: {
        symbol,
        windowStartMs,
        firstKey: parseTradeKey(firstKey),
        lastKey: parseTradeKey(lastKey),
        openE8: e8(open),
        highE8: e8(high),
        lowE8: e8(low),
        closeE8: e8(close),
        volumeE8: e8(volume),
        notionalE16: e16(notional),
        priceSumE8: e8(priceSum),
        tradeCount,
        idHashSum,
      },
    });
  }
  return rows;
}

function parseRows(text: string): readonly z.infer<typeof RowSchema>[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = RowsSchema.safeParse(value);
  if (parsed.success) return parsed.data.rows;
  throw new RangeError(`Cannot read a window's rows: '${text.slice(0, 80)}' is not of format ${FORMAT}`);
}
