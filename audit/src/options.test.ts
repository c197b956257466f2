import { UsageError } from '@kandle/tooling/command-line';
import { expect, test } from 'vitest';
import { parseCliOptions } from './options.ts';

const NOW = Date.UTC(2026, 10, 25);

test('parseCliOptions() asks for everything and changes nothing, when there is no option', () => {
  expect(parseCliOptions([], NOW)).toMatchObject({
    feed: null,
    sinceMs: null,
    untilMs: null,
    waitMs: 30_000,
    jsonFile: null,
    repair: 'no',
  });
});

test('parseCliOptions() reads times as ISO, as milliseconds and as how long ago', () => {
  expect(parseCliOptions(['--since', '26h', '--until', '90s'], NOW)).toMatchObject({
    sinceMs: NOW - 26 * 3_600_000,
    untilMs: NOW - 90_000,
  });
  expect(parseCliOptions(['--since', '2026-11-24T08:00Z', '--until', String(NOW)], NOW)).toMatchObject({
    sinceMs: Date.UTC(2026, 10, 24, 8),
    untilMs: NOW,
  });
});

test('parseCliOptions() tells a repair from a try', () => {
  expect(parseCliOptions(['--repair'], NOW).repair).toBe('yes');
  expect(parseCliOptions(['--repair', '--dry-run'], NOW).repair).toBe('dry-run');
});

test.each([
  [['--sinse', '1h']],
  [['--since', 'yesterday']],
  [['--since', '1h', '--until', '2h']],
  [['--wait', '5']],
  [['--show', '-1']],
  [['--dry-run']],
  [['rest']],
])('parseCliOptions() refuses %o', (args) => {
  expect(() => parseCliOptions(args, NOW)).toThrow(UsageError);
});
