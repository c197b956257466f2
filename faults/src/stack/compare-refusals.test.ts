import { expect, test } from 'vitest';
import { beyond } from './compare-refusals.ts';

const EXPLAINED = { too_late: 20, too_far_ahead: 2, garbage: 6 };

test('beyond() lets pass what the faults explain', () => {
  expect(beyond({}, EXPLAINED)).toEqual([]);
  expect(beyond({ too_late: 20, too_far_ahead: 2, bad_frame: 4, bad_symbol: 2 }, EXPLAINED)).toEqual([]);
});

test.each([
  [{ too_late: 21 }, '21 records were refused as too_late, the faults explain 20 (21 too_late)'],
  [{ too_far_ahead: 3 }, '3 records were refused as too_far_ahead, the faults explain 2 (3 too_far_ahead)'],
  [
    { bad_frame: 5, bad_price: 2 },
    '7 records were refused as garbage, the faults explain 6 (5 bad_frame, 2 bad_price)',
  ],
])('beyond() names what goes further: %j', (byReason, text) => {
  expect(beyond(byReason, EXPLAINED)).toEqual([text]);
});
