import { expect, test } from 'vitest';
import { readWindowRows, writeWindowRows } from './window-rows.ts';

/** As aggregate wrote it, copied from a table. */
const TEXT =
  '{"format":1,"rows":[["BTC-USD",7,1,"late_trade","1700000000001:1764000000000:5:0","1700000004999:1764000000000:9:2",' +
  '"6183763000000","6190000000000","-1","6183763000001","123456789012345678901","763428911234567890123456789","12367526000001",' +
  '2,"18446744073709551615"]]}';

test('readWindowRows() reads what aggregate writes, and writeWindowRows() writes it again', () => {
  const rows = readWindowRows(TEXT);
  expect(rows?.get('BTC-USD')).toEqual({
    symbol: 'BTC-USD',
    rowVersion: 7,
    revision: 1,
    reason: 'late_trade',
    columns: {
      first_key: '1700000000001:1764000000000:5:0',
      last_key: '1700000004999:1764000000000:9:2',
      open_e8: 6_183_763_000_000n,
      high_e8: 6_190_000_000_000n,
      low_e8: -1n,
      close_e8: 6_183_763_000_001n,
      volume_e8: 123_456_789_012_345_678_901n,
      notional_e16: 763_428_911_234_567_890_123_456_789n,
      price_sum_e8: 12_367_526_000_001n,
      trade_count: 2,
      id_hash_sum: 18_446_744_073_709_551_615n,
    },
  });
  expect(writeWindowRows(rows ?? new Map())).toBe(TEXT);
});

test.each([
  '',
  'x',
  '{}',
  '{"format":2,"rows":[]}',
  TEXT.replace('"6183763000000",', ''),
  TEXT.replace('7,', '"7",'),
])('readWindowRows() says that %s is damaged', (text) => {
  expect(readWindowRows(text)).toBeNull();
});
