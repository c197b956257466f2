import type { AwayView } from './view-state.ts';

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const prices = Array.from(
  { length: 9 },
  (_, digits) =>
    new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

/** A count: `12,345`. */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** A count with its unit: `1 reject`, `2 rejects`. */
export function formatUnits(count: number, unit: string): string {
  return `${formatCount(count)} ${unit}${count === 1 ? '' : 's'}`;
}

/** A price with so many decimals: `64,250.10`. */
export function formatPrice(price: number, digits: number): string {
  return (prices[digits] ?? whole).format(price);
}

/** A volume of any size in a few characters: `12.3K`. */
export function formatVolume(volume: number): string {
  return compact.format(volume);
}

/** Units per second: `0.4` or `201`. */
export function formatRate(perSecond: number): string {
  if (perSecond < 0.05) return '0';
  return perSecond < 10 ? perSecond.toFixed(1) : whole.format(perSecond);
}

/** A duration of measuring: `8 ms` or `1.2 s`. */
export function formatMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** A duration of waiting: `0 s`, `12 s`, `3m 05s` or `2h 05m`. */
export function formatSpan(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const pad = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}m ${pad(seconds % 60)}s`
    : `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`;
}

const BARS = '▁▂▃▄▅▆▇█';

/**
 * Values as a row of bars, the lowest and the highest at the ends of the scale; a flat row is in the middle.
 */
export function sparkline(values: readonly number[]): string {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  return values
    .map((value) => BARS[span === 0 ? 3 : Math.round(((value - low) / span) * (BARS.length - 1))] ?? '')
    .join('');
}

/** A feed without a connection: `yahoo refused until 10:03:12 (too many requests)`, UTC. */
export function describeAway({ feed, refused, reason, untilMs }: AwayView): string {
  const until = new Date(untilMs).toISOString().slice(11, 19);
  return `${feed} ${refused ? 'refused' : 'away'} until ${until} (${reason})`;
}
