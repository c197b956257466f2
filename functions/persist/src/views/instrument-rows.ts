import type { Instrument, ListOutcome } from '@kandle/market/instrument/instrument';
import { checkedInt, type PartitionRows, writeTimestamp } from './view-rows.ts';

/**
 * The row of an instrument, written as of its change: an older event never takes a newer one's place.
 *
 * @throws {RangeError} If a time is beyond the year 2255.
 */
export function instrumentRows(instrument: Instrument): readonly PartitionRows[] {
  const { validFromMs, validToMs, changedAtMs, absences, ...texts } = instrument;
  const columns = {
    ...texts,
    valid_from: validFromMs,
    valid_to: validToMs,
    absences: checkedInt(absences),
    changed_at: changedAtMs,
  };
  return [[{ view: 'instruments', columns, timestamp: writeTimestamp(changedAtMs) }]];
}

/**
 * The row of how a list's newest refresh ended, written as of when it was tried.
 *
 * @throws {RangeError} If a time is beyond the year 2255.
 */
export function instrumentListRows(outcome: ListOutcome): readonly PartitionRows[] {
  const { triedAtMs, takenAtMs, active, ...texts } = outcome;
  const columns = { ...texts, tried_at: triedAtMs, taken_at: takenAtMs, active: checkedInt(active) };
  return [[{ view: 'instrument_lists', columns, timestamp: writeTimestamp(triedAtMs) }]];
}
