/** When data of a feed is to be expected. */
export interface MarketHours {
  /** True if a market of the feed is open, so that silence is not normal. @param wallMs UNIX milliseconds. */
  isOpen(wallMs: number): boolean;
  /** False if it knows no market of the feed: then none is ever open. */
  readonly knows: boolean;
}

/** A week of a market: stretches of minutes from Monday 00:00 of its zone, their ends excluded. */
interface Week {
  readonly zone: string;
  readonly open: readonly (readonly [fromMinute: number, toMinute: number])[];
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const SHAPE = /^([A-Z][a-z]{2})-([A-Z][a-z]{2}) (\d{2}):(\d{2})-(\d{2}):(\d{2}) ([A-Za-z0-9_+/-]+)$/;

const ALWAYS: Week = { zone: 'UTC', open: [[0, WEEK_MINUTES]] };
/** The regular session: before and after it only some symbols trade. */
const US_STOCKS: Week = weekly('Mon', 'Fri', [9 * 60 + 30, 16 * 60], 'America/New_York');
/** From Sunday 17:00 to Friday 17:00. */
const CURRENCIES: Week = {
  zone: 'America/New_York',
  open: [
    [0, 4 * DAY_MINUTES + 17 * 60],
    [6 * DAY_MINUTES + 17 * 60, WEEK_MINUTES],
  ],
};

/** Finnhub's brokers of currencies; other names before a colon are exchanges of coins. */
const BROKERS = /^(OANDA|FXCM|FOREX\.COM|IC MARKETS|FXPRO|PEPPERSTONE\w*|ICM TRADER|FHFX):/;
const CODES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/**
 * When data of these symbols is to be expected, by the form of their names (Finnhub's, Twelve Data's, Yahoo's):
 * coins always, currencies from Sunday to Friday, plain tickers in the regular session of New York. Of other
 * symbols nobody knows, and they are never expected. Holidays are not in it.
 */
export function hoursOfSymbols(symbols: readonly string[]): MarketHours {
  const weeks = [...new Set(symbols.map(weekOf))].filter((week) => week !== null);
  // One that is always open says it for all of them.
  return hoursOf(weeks.includes(ALWAYS) ? [ALWAYS] : weeks);
}

/**
 * Reads `always`, `never`, or a week such as `Mon-Fri 08:00-16:30 Europe/London`; null if it is none.
 */
export function readMarketHours(text: string): MarketHours | null {
  if (text === 'always') return hoursOf([ALWAYS]);
  if (text === 'never') return hoursOf([]);
  const [, first = '', last = '', ...rest] = SHAPE.exec(text) ?? [];
  const [hour, minute, endHour, endMinute] = rest.slice(0, 4).map(Number);
  const zone = rest[4];
  if (hour === undefined || minute === undefined || endHour === undefined || endMinute === undefined)
    return null;
  const [from, to] = [hour * 60 + minute, endHour * 60 + endMinute];
  const days = [DAYS.indexOf(first), DAYS.indexOf(last)] as const;
  if (zone === undefined || !isZone(zone) || days[0] < 0 || days[1] < days[0]) return null;
  if (minute > 59 || endMinute > 59 || from >= to || to > DAY_MINUTES) return null;
  return hoursOf([weekly(first, last, [from, to], zone)]);
}

function weekOf(symbol: string): Week | null {
  if (symbol.includes(':')) return BROKERS.test(symbol) ? CURRENCIES : ALWAYS;
  if (/^[A-Z]{3,6}=X$/.test(symbol)) return CURRENCIES;
  const [, base = '', quote = ''] = /^([A-Z0-9]+)[/-]([A-Z]+)$/.exec(symbol) ?? [];
  // BRK-B is a share: B is no currency.
  if (CODES.has(quote) || quote === 'USDT') return CODES.has(base) ? CURRENCIES : ALWAYS;
  return /^[A-Z]{1,5}([.-][ABC])?$/.test(symbol) ? US_STOCKS : null;
}

function weekly(first: string, last: string, [from, to]: readonly [number, number], zone: string): Week {
  const days = DAYS.slice(DAYS.indexOf(first), DAYS.indexOf(last) + 1);
  return {
    zone,
    open: days.map((day) => {
      const startMinute = DAYS.indexOf(day) * DAY_MINUTES;
      return [startMinute + from, startMinute + to];
    }),
  };
}

function hoursOf(weeks: readonly Week[]): MarketHours {
  const clocks = weeks.map((week) => ({ week, minuteOf: createMinuteOf(week.zone) }));
  return {
    knows: weeks.length > 0,
    isOpen: (wallMs) =>
      clocks.some(({ week, minuteOf }) => {
        if (week === ALWAYS) return true;
        const minute = minuteOf(wallMs);
        return week.open.some(([from, to]) => from <= minute && minute < to);
      }),
  };
}

/** The minute of the week in a zone. */
function createMinuteOf(zone: string): (wallMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  let known = { atMinute: Number.NaN, minute: 0 };
  return (wallMs) => {
    // Asked every second; to ask the calendar is dear.
    const atMinute = Math.floor(wallMs / MINUTE_MS);
    if (atMinute === known.atMinute) return known.minute;
    const parts = new Map(format.formatToParts(wallMs).map(({ type, value }) => [type, value]));
    const day = DAYS.indexOf(parts.get('weekday') ?? '');
    const minute = day * DAY_MINUTES + Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
    known = { atMinute, minute };
    return minute;
  };
}

function isZone(zone: string): boolean {
  try {
    createMinuteOf(zone);
    return true;
  } catch {
    return false;
  }
}
