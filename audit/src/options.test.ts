import { UsageError } from '@kandle/tooling/command';
import { expect, test } from 'vitest';
import { parseCliOptions } from './options.ts';

const NOW = Date.UTC(2026, 10, 25);

test('parseCliOptions() asks for everything and changes nothing, when there is no option', () => {
  expect(parseCliOptions([], NOW, false)).toMatchObject({
    feed: null,
    sinceMs: null,
    untilMs: null,
    waitMs: 30_000,
    jsonFile: null,
    repair: 'no',
  });
});

test('parseCliOptions() reads times as ISO, as milliseconds and as how long ago', () => {
  expect(parseCliOptions(['--since', '26h', '--until', '90s'], NOW, false)).toMatchObject({
    sinceMs: NOW - 26 * 3_600_000,
    untilMs: NOW - 90_000,
  });
  expect(parseCliOptions(['--since', '2026-11-24T08:00Z', '--until', String(NOW)], NOW, false)).toMatchObject(
    {
      sinceMs: Date.UTC(2026, 10, 24, 8),
      untilMs: NOW,
    },
  );
});

test('parseCliOptions() tells a repair from a try', () => {
  const wishOf = (args: readonly string[], canAsk: boolean) => parseCliOptions(args, NOW, canAsk)?.repair;
  // Nothing is written that nobody has agreed to.
  expect(wishOf(['--repair'], false)).toBe('dry-run');
  expect(wishOf(['--repair'], true)).toBe('ask');
  expect(wishOf(['--repair', '--dry-run'], true)).toBe('dry-run');
  expect(wishOf(['--repair', '--yes'], false)).toBe('yes');
  expect(wishOf(['--undo', 'last'], false)).toBe('dry-run');
  expect(wishOf(['--undo', 'last', '--yes'], false)).toBe('yes');
  expect(parseCliOptions(['--help'], NOW, false)).toBeNull();
});

test.each([
  [['--sinse', '1h']],
  [['--since', 'yesterday']],
  [['--since', '1h', '--until', '2h']],
  [['--wait', '5']],
  [['--show', '-1']],
  [['--dry-run']],
  [['--yes']],
  [['--repair', '--undo', 'last']],
  [['--repair', '--yes', '--dry-run']],
  [['rest']],
])('parseCliOptions() refuses %o', (args) => {
  expect(() => parseCliOptions(args, NOW, false)).toThrow(UsageError);
});
