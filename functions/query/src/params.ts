import { isSymbol } from '@kandle/market/event/symbol';
import { FEED_NAME } from '@kandle/market/event/shard';
import { z } from '@hono/zod-openapi';
import { parsePageToken } from './page-token.ts';

/** Most rows of one answer. */
const MAX_ROWS = 10_000;
const DEFAULT_ROWS = '1000';
/** The range that is answered for when none is named: the last hour. */
export const DEFAULT_RANGE_MS = 3_600_000;

/** A time: ISO 8601 with its offset (`2026-11-28T09:30:00Z`), or epoch milliseconds. */
const time = z
  .string()
  .transform((text, context) => {
    const timeMs = /^\d{1,15}$/.test(text) ? Number(text) : parseIso(text);
    if (Number.isFinite(timeMs)) return timeMs;
    context.addIssue({
      code: 'custom',
      message: 'expected a time such as 2026-11-28T09:30:00Z, or epoch milliseconds',
    });
    return z.NEVER;
  })
  .openapi({ type: 'string', example: '2026-11-28T09:30:00Z' });

function parseIso(text: string): number {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}

const limit = z
  .string()
  .regex(/^\d{1,5}$/, 'expected a whole number')
  .transform(Number)
  .refine((value) => value >= 1 && value <= MAX_ROWS, `expected a number from 1 to ${MAX_ROWS}`)
  .default(Number(DEFAULT_ROWS))
  .openapi({ type: 'string', example: DEFAULT_ROWS });

const page = z
  .string()
  .transform((token, context) => {
    const key = parsePageToken(token);
    if (key !== null) return key;
    context.addIssue({ code: 'custom', message: 'expected the `next` of an earlier answer' });
    return z.NEVER;
  })
  .optional()
  .openapi({ type: 'string', description: 'The `next` of an earlier answer to the same question.' });

export const symbolParam = z
  .string()
  .refine(isSymbol, 'expected a symbol as the feed spells it')
  .openapi({ type: 'string', example: 'BINANCE:BTCUSDT' });
export const feedParam = z
  .string()
  .regex(FEED_NAME, 'expected the name of a feed')
  .optional()
  .openapi({ example: 'finnhub', description: 'Needed where several feeds have the symbol.' });

/** What every list of rows takes. */
export const rangeParams = {
  from: time.optional(),
  to: time.optional(),
  limit,
  page,
  format: z.enum(['json', 'csv']).default('json'),
};

export const timeParam = time;

export const exactParam = z
  .enum(['0', '1'])
  .default('0')
  .transform((value) => value === '1')
  .openapi({
    type: 'string',
    enum: ['0', '1'],
    description:
      'With `1` the numbers come as integers too, as text: prices, sizes, volumes and sums of prices in units of 1e-8 (`…_e8`), price times size in units of 1e-16 (`…_e16`)',
  });
