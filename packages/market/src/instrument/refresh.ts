import {
  ABSENCES_OF_INACTIVE,
  type Instrument,
  instrumentIdOf,
  isSameInstrument,
  type Listing,
} from './instrument.ts';

/** A list that has fewer than this part of what is active is taken for a fault of the vendor's. */
const LEAST_PART = 0.8;

/** Whose list it is, and when it was read. */
export interface RefreshOf {
  readonly feed: string;
  readonly list: string;
  readonly nowMs: number;
  /** Take a list that shrinks by more than a fifth: a person has looked at it. */
  readonly acceptShrink: boolean;
}

/** What a list makes of what is known. */
export type Refresh =
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'taken';
      /** What is to be written, in this order: a ticker is left before another takes it. */
      readonly changed: readonly Instrument[];
      /** Listings left out: a ticker that came before in the list, or that another list of the feed has. */
      readonly leftOut: number;
    };

/**
 * Compares a vendor's list with what is known. The same list again changes nothing, but that what is absent is
 * counted once more.
 *
 * @param known The newest instrument of each ticker of the feed, of all its lists.
 */
export function refreshInstruments(
  known: readonly Instrument[],
  listed: readonly Listing[],
  refresh: RefreshOf,
): Refresh {
  const { list } = refresh;
  const byTicker = new Map(known.map((one) => [one.ticker, one]));
  const isOthers = (ticker: string): boolean => {
    const owner = byTicker.get(ticker);
    return owner !== undefined && owner.status === 'active' && owner.list !== list;
  };
  const wanted = new Map<string, Listing>();
  for (const one of listed) {
    if (!wanted.has(one.ticker) && !isOthers(one.ticker)) wanted.set(one.ticker, one);
  }
  const active = known.filter((one) => one.status === 'active' && one.list === list);
  const refusal = refusalOf(wanted.size, active.length, refresh);
  if (refusal !== null) return { kind: 'refused', reason: refusal };

  const absent = active.filter(({ ticker }) => !wanted.has(ticker)).map((one) => missed(one, refresh.nowMs));
  const present = [...wanted.values()].flatMap((one) => seen(byTicker.get(one.ticker), one, refresh));
  return { kind: 'taken', changed: [...absent, ...present], leftOut: listed.length - wanted.size };
}

/** Why a list is not believed; null if it is. */
function refusalOf(count: number, active: number, { acceptShrink }: RefreshOf): string | null {
  if (count === 0) return 'the list is empty';
  if (acceptShrink || count >= active * LEAST_PART) return null;
  return `the list has ${count} instruments where ${active} were active: it shrank by more than 20 %`;
}

function missed(known: Instrument, nowMs: number): Instrument {
  const absences = known.absences + 1;
  const changed = { ...known, absences, changedAtMs: changedAtMs(known, nowMs) };
  if (absences < ABSENCES_OF_INACTIVE) return changed;
  return { ...changed, status: 'inactive', validToMs: Math.max(nowMs, known.validFromMs) };
}

/** What is written of a ticker that is listed: nothing if nothing has changed. */
function seen(
  known: Instrument | undefined,
  listed: Listing,
  { feed, list, nowMs }: RefreshOf,
): readonly Instrument[] {
  if (known === undefined || !isSameInstrument(known, listed)) {
    // Later than what had the ticker before, even where a clock went back.
    const validFromMs = Math.max(nowMs, (known?.validToMs ?? known?.validFromMs ?? -1) + 1);
    const left: readonly Instrument[] =
      known?.validToMs === null
        ? [{ ...known, status: 'inactive', validToMs: validFromMs, changedAtMs: changedAtMs(known, nowMs) }]
        : [];
    const id = instrumentIdOf(listed, validFromMs);
    const begin = { feed, list, id, validFromMs, validToMs: null, status: 'active', absences: 0 } as const;
    return [...left, { ...listed, ...begin, changedAtMs: nowMs }];
  }
  // An identifier that the vendor leaves out once is still the instrument's.
  const { figi, isin } = known;
  const now: Instrument = {
    ...known,
    ...listed,
    figi: listed.figi || figi,
    isin: listed.isin || isin,
    list,
    validToMs: null,
    status: 'active',
    absences: 0,
  };
  return isEqual(known, now) ? [] : [{ ...now, changedAtMs: changedAtMs(known, nowMs) }];
}

/** When a change was seen: after the one before it, whatever the clock says. */
function changedAtMs(known: Instrument, nowMs: number): number {
  return Math.max(nowMs, known.changedAtMs + 1);
}

function isEqual(left: Instrument, right: Instrument): boolean {
  const other: Readonly<Record<string, unknown>> = { ...right };
  return Object.entries(left).every(([name, value]) => other[name] === value);
}
