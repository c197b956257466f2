/** The time zones that times can be shown in; `local` is the browser's. */
export const ZONES = ['local', 'UTC', 'America/New_York', 'Europe/London', 'Asia/Tokyo'] as const;
export type Zone = (typeof ZONES)[number];

/** Texts of times in a zone. Times are never shifted: only their text knows of the zone. */
export interface TimeTexts {
  /** `12:34:56` */
  clock(timeMs: number): string;
  /** `12:34` */
  minute(timeMs: number): string;
  /** `28 Nov` */
  day(timeMs: number): string;
  /** `28 Nov 2026, 12:34:56` */
  full(timeMs: number): string;
  month(timeMs: number): string;
  year(timeMs: number): string;
}

/** Makes the texts of a zone. */
export function timeTexts(zone: Zone): TimeTexts {
  const timeZone = zone === 'local' ? undefined : zone;
  const make = (options: Intl.DateTimeFormatOptions): ((timeMs: number) => string) => {
    const format = new Intl.DateTimeFormat('en-GB', { ...options, timeZone, hourCycle: 'h23' });
    return (timeMs) => format.format(timeMs);
  };
  return {
    clock: make({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    minute: make({ hour: '2-digit', minute: '2-digit' }),
    day: make({ day: 'numeric', month: 'short' }),
    full: make({
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }),
    month: make({ month: 'short' }),
    year: make({ year: 'numeric' }),
  };
}

/** Decimals that a price is shown with: as many as any of the prices needs, at most eight. */
export function priceDigits(prices: Iterable<number>): number {
  let digits = 2;
  for (const price of prices) digits = Math.max(digits, String(price).split('.')[1]?.length ?? 0);
  return Math.min(8, digits);
}

// A format is made once: `toLocaleString` makes one for every number.
const ofDigits = new Map<number, Intl.NumberFormat>();
const ofAmounts = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 4 });
const ofCounts = new Intl.NumberFormat('en');

/** `64,250.10` */
export function formatPrice(price: number | null, digits: number): string {
  if (price === null) return '–';
  let format = ofDigits.get(digits);
  if (format === undefined) {
    format = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
    ofDigits.set(digits, format);
  }
  return format.format(price);
}

/** `12.4k`; at most four digits. */
export function formatAmount(amount: number): string {
  return ofAmounts.format(amount).toLowerCase();
}

/** Events a second: `0`, `5.0`, `1,204`. */
export function formatRate(perSecond: number): string {
  const tenths = Math.round(perSecond * 10) / 10;
  return tenths > 0 && tenths < 100 ? tenths.toFixed(1) : formatCount(Math.round(perSecond));
}

/** `1,234` */
export function formatCount(count: number): string {
  return ofCounts.format(count);
}

/** `+0.42 %`, and which way that is, as people read it; no way where it says `0.00 %`. */
export function formatChange(share: number | null): readonly [string, 'up' | 'down' | ''] {
  if (share === null || !Number.isFinite(share)) return ['–', ''];
  const text = `${Math.abs(share * 100).toFixed(2)} %`;
  if (text === '0.00 %') return [text, ''];
  return share > 0 ? [`+${text}`, 'up'] : [`−${text}`, 'down'];
}

/** `42 ms`, `1.2 s`, `3 min`, `2 h` */
export function formatMs(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

/** `12 KiB` */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const step = Math.min(units.length, Math.floor(Math.log(bytes) / Math.log(1_024)));
  return `${(bytes / 1_024 ** step).toFixed(1)} ${units[step - 1] ?? ''}`;
}
