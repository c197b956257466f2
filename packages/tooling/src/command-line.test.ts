import { expect, test } from 'vitest';
import { parseDuration, parseTime, parseWholeNumber, readOptions, UsageError } from './command-line.ts';

const NOW = Date.UTC(2026, 10, 25);

test('readOptions() gives the values, and says what it does not know', () => {
  const options = { yes: { type: 'boolean' }, name: { type: 'string' } } as const;
  expect(readOptions('npm run x', ['--yes', '--name', 'n'], options)).toEqual({ yes: true, name: 'n' });
  for (const args of [['--what'], ['rest'], ['--name']])
    expect(() => readOptions('npm run x', args, options)).toThrow(UsageError);
  expect(() => readOptions('npm run x', ['--what'], options)).toThrow(
    "Unknown option '--what'. See npm run x -- --help",
  );
});

test('parseWholeNumber() takes what lies within its bounds', () => {
  expect(['1', '10', '007'].map((text) => parseWholeNumber('n', text, 1, 10))).toEqual([1, 10, 7]);
  for (const text of ['0', '11', '', '1.5', '1e1', '-1', '99999999999999999'])
    expect(() => parseWholeNumber('n', text, 1, 10)).toThrow(
      `--n ${text}: expected a whole number from 1 to 10`,
    );
});

test('parseDuration() takes seconds, minutes, hours and days, and nothing only if asked to', () => {
  const lengths = ['90s', '10m', '2h', '7d'].map((text) => parseDuration('for', text));
  expect(lengths).toEqual([90_000, 600_000, 7_200_000, 604_800_000]);
  expect(parseDuration('wait', '0s', 0)).toBe(0);
  for (const text of ['0s', '5', 'h', '', '1.5h', '-1s', '1w'])
    expect(() => parseDuration('for', text)).toThrow(UsageError);
});

test('parseTime() takes ISO, milliseconds and how long ago', () => {
  expect(parseTime('since', '26h', NOW)).toBe(NOW - 26 * 3_600_000);
  expect(parseTime('since', '2026-11-24T08:00Z', NOW)).toBe(Date.UTC(2026, 10, 24, 8));
  expect(parseTime('since', String(NOW), NOW)).toBe(NOW);
  for (const text of ['yesterday', '2026-13-01', '', '0h'])
    expect(() => parseTime('since', text, NOW)).toThrow(UsageError);
});
