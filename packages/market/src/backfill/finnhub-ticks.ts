import { z } from 'zod';
import { isEventTime } from '../event/event-time.ts';
import type { VendorRecord } from '../feed/record-format.ts';

/** Most trades of one answer of Finnhub's `/stock/tick`. */
export const TICKS_PER_PAGE = 25_000;

/** A trade of Finnhub's history, as a record of its stream would have it. */
export interface HistoryTick {
  readonly eventTimeMs: number;
  readonly record: VendorRecord;
}

const numbers = z.array(z.number()).max(TICKS_PER_PAGE);
const TicksSchema = z.object({
  s: z.string(),
  count: z.int().min(0),
  t: numbers,
  p: numbers,
  v: numbers,
  /** Codes of each trade; not in every answer. */
  c: z.array(z.array(z.string()).nullable()).optional(),
});

/**
 * The trades of an answer of `/stock/tick` in its order; null if it is none, or not whole: parallel lists of
 * one length, as many as it says. Source: Finnhub's client for JavaScript, "TickData".
 */
export function readTicks(answer: unknown, symbol: string): readonly HistoryTick[] | null {
  const { data } = TicksSchema.safeParse(answer);
  if (data === undefined || data.s !== symbol) return null;
  const { t, p, v, c, count } = data;
  const isWhole = [t, p, v, c ?? t].every((list) => list.length === count) && t.every(isEventTime);
  if (!isWhole) return null;
  return t.map((eventTimeMs, index) => ({
    eventTimeMs,
    // Without codes the stream has null, not a list of none.
    record: { s: symbol, p: p[index], t: eventTimeMs, v: v[index], c: c?.[index]?.length ? c[index] : null },
  }));
}

/** True for a stock of the USA as Finnhub names it: neither an exchange before it nor a market behind it. */
export function bareStock(symbol: string): boolean {
  return /^[A-Z]{1,6}([.-][A-Z])?$/.test(symbol);
}

const NEW_YORK = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/New_York' });

/** The day of trading in New York, `2026-11-27`. */
export function dayInNewYork(timeMs: number): string {
  return NEW_YORK.format(timeMs);
}

/** Half of the shortest day: no day lies between two steps. */
const STEP_MS = 11 * 3_600_000;

/** Every day of trading in New York that a stretch touches, both ends included. */
export function daysInNewYork(fromMs: number, toMs: number): readonly string[] {
  const days = new Set<string>();
  for (let atMs = fromMs; atMs < toMs; atMs += STEP_MS) days.add(dayInNewYork(atMs));
  return [...days.add(dayInNewYork(toMs))];
}
