import { expect, test } from 'vitest';
import {
  defineCommand,
  duration,
  flag,
  helpText,
  option,
  type OptionParser,
  readCommand,
  text,
  time,
  UsageError,
  wholeNumber,
} from './command.ts';

const WALL_MS = Date.UTC(2026, 10, 25);

const COMMAND = defineCommand({
  name: 'npm run x',
  about: `Does something that takes more than one line to be told: it goes on and on, until no terminal of 110 columns
is wide enough.

And has a second paragraph.`,
  options: {
    name: option('NAME', 'of what', text),
    rounds: option('N', 'how often', wholeNumber(1, 10), '3'),
    wait: option(
      'DURATION',
      'how long each of these rounds may take at most, in whatever unit, before it is given up',
      duration(0),
      '5s',
    ),
    yes: flag('do not ask'),
  },
  headings: { rounds: 'How it is done' },
  notes: 'Exit code: 0.',
});

const parseOne = <Value>(parse: OptionParser<Value>, given: string): Value =>
  parse(given, { name: 'n', wallMs: WALL_MS });

test('readCommand() gives the values, the defaults, and null for what is not given', () => {
  const given = ['--yes', '--name', 'n', '--rounds=7'];
  expect(readCommand(COMMAND, given)).toEqual({ name: 'n', rounds: 7, wait: 5_000, yes: true });
  expect(readCommand(COMMAND, [])).toEqual({ name: null, rounds: 3, wait: 5_000, yes: false });
});

test.each([['--help'], ['-h'], ['--yes', '--help'], ['--rounds', 'x', '-h']])(
  'readCommand() reads nothing, when the help is wanted: %j %j',
  (...given) => {
    expect(readCommand(COMMAND, given)).toBeNull();
  },
);

test('readCommand() says what it does not know', () => {
  for (const given of [['--what'], ['rest'], ['--name'], ['--yes=no'], ['--rounds', '11']])
    expect(() => readCommand(COMMAND, given)).toThrow(UsageError);
  expect(() => readCommand(COMMAND, ['--what'])).toThrow("Unknown option '--what'. See npm run x -- --help");
});

test('helpText() tells of every option, in lines of 110 columns', () => {
  expect(helpText(COMMAND)).toBe(`Usage: npm run x -- [options]

Does something that takes more than one line to be told: it goes on and on, until no terminal of 110 columns
is wide enough.

And has a second paragraph.

  --name NAME      of what

How it is done
  --rounds N       how often (default 3)
  --wait DURATION  how long each of these rounds may take at most, in whatever unit, before it is given up
                   (default 5s)
  --yes            do not ask

  --help           this text

Exit code: 0.
`);
});

test('wholeNumber() takes what lies within its bounds', () => {
  expect(['1', '10', '007'].map((given) => parseOne(wholeNumber(1, 10), given))).toEqual([1, 10, 7]);
  for (const given of ['0', '11', '', '1.5', '1e1', '-1', '99999999999999999'])
    expect(() => parseOne(wholeNumber(1, 10), given)).toThrow(
      `--n ${given}: expected a whole number from 1 to 10`,
    );
});

test('duration() takes seconds, minutes, hours and days, and nothing only if asked to', () => {
  const lengths = ['90s', '10m', '2h', '7d'].map((given) => parseOne(duration(), given));
  expect(lengths).toEqual([90_000, 600_000, 7_200_000, 604_800_000]);
  expect(parseOne(duration(0), '0s')).toBe(0);
  for (const given of ['0s', '5', 'h', '', '1.5h', '-1s', '1w'])
    expect(() => parseOne(duration(), given)).toThrow(UsageError);
});

test('time() takes ISO, milliseconds and how long ago', () => {
  expect(parseOne(time, '26h')).toBe(WALL_MS - 26 * 3_600_000);
  expect(parseOne(time, '2026-11-24T08:00Z')).toBe(Date.UTC(2026, 10, 24, 8));
  expect(parseOne(time, String(WALL_MS))).toBe(WALL_MS);
  for (const given of ['yesterday', '2026-13-01', '', '0h'])
    expect(() => parseOne(time, given)).toThrow(UsageError);
});
