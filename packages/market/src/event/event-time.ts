/** Earliest event time that is believed: 2000-01-01. Whatever is older is a broken clock or a wrong unit. */
export const MIN_EVENT_TIME_MS = 946_684_800_000;
/** Latest event time that is believed: 2100-01-01. */
export const MAX_EVENT_TIME_MS = 4_102_444_800_000;

/** True for an event time in whole milliseconds that can be placed in a window at all. */
export function isEventTime(value: unknown): value is number {
  return (
    Number.isSafeInteger(value) && Number(value) >= MIN_EVENT_TIME_MS && Number(value) < MAX_EVENT_TIME_MS
  );
}
