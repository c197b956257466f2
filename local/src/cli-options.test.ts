import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { helpText, UsageError } from '@kandle/tooling/command';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseStartOptions, START } from './cli-options.ts';

const thisFile = import.meta.filename;

describe('parseStartOptions()', () => {
  test('asks for a market of ten symbols and 200 trades/s, when nothing is given', () => {
    expect(parseStartOptions([])).toMatchObject({
      replay: null,
      idleMs: 30_000,
      forMs: null,
      plain: false,
      fromSource: false,
      exporter: true,
      simulator: { rate: 200, symbols: 10, seed: 1, silenceMs: null, given: [] },
    });
  });

  test('polls as a cluster does that Kandle has set up, or as one on which only Knative was installed', () => {
    expect(parseStartOptions([])?.hasKnativesPoll).toBe(false);
    expect(parseStartOptions(['--knative-poll'])?.hasKnativesPoll).toBe(true);
  });

  test('leaves the exporter out, or takes its port', () => {
    expect(parseStartOptions(['--no-exporter'])?.exporter).toBe(false);
    expect(parseStartOptions(['--metrics-port', '9464'])?.ports).toEqual({ 'metrics-port': 9_464 });
  });

  test('takes what the simulated market is to be, and knows that it was asked for', () => {
    const args = ['--rate', '50000', '--symbols=5000', '--seed', '7', '--silence', '40s', '--for', '10m'];
    expect(parseStartOptions(args)).toMatchObject({
      forMs: 600_000,
      simulator: {
        rate: 50_000,
        symbols: 5_000,
        seed: 7,
        silenceMs: 40_000,
        given: ['--rate', '--symbols', '--seed', '--silence'],
      },
    });
  });

  test("takes a recording's parts, by their names or by a pattern, in the order of their numbers", () => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-parts-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [first, second, tenth] = ['x.1.gz', 'x.2.gz', 'x.10.gz'].map((name) => join(folder, name));
    for (const path of [first, second, tenth]) writeFileSync(path ?? '', '');
    const replayOf = (given: string) => parseStartOptions(['--replay', given])?.replay;
    expect(replayOf(`${folder}/x.*.gz`)).toEqual([first, second, tenth]);
    expect(replayOf(`${tenth},${first}`)).toEqual([tenth, first]);
    expect(replayOf(thisFile)).toEqual([thisFile]);
    expect(() => replayOf(`${first},${folder}/y.*`)).toThrow('There is no recording at');
  });

  test.each([
    [['--rate', '0'], '--rate 0: expected a whole number from 1 to 50000'],
    [['--rate', '50001'], '--rate 50001: expected a whole number from 1 to 50000'],
    [['--rate', '1e3'], '--rate 1e3: expected'],
    [['--symbols', '5001'], '--symbols 5001: expected a whole number from 1 to 5000'],
    [['--symbols', 'AAPL'], 'name those of a real feed in SYMBOLS'],
    [['--seed', '-1'], '--seed'],
    [['--silence', '40'], '--silence 40: expected a duration such as 90s, 10m, 2h or 7d'],
    [['--silence', '0s'], '--silence 0s: expected a duration'],
    [['--for', 'soon'], '--for soon: expected a duration'],
    [['--kafka-port', '70000'], '--kafka-port 70000: expected a whole number from 1 to 65535'],
    [['--replay', thisFile, '--rate', '5'], '--rate: for the simulated market, not for a recording'],
    [['--replay', '/nowhere'], 'There is no recording at /nowhere'],
    [['--speed', '2'], '--speed is for a recording'],
    [['--strict'], '--strict is for a recording'],
    [['--what'], '--what'],
  ])('refuses %j and says why', (args, message) => {
    expect(() => parseStartOptions(args)).toThrow(UsageError);
    expect(() => parseStartOptions(args)).toThrow(message);
  });

  test('has a help text that fits a terminal of 110 columns', () => {
    expect(
      Math.max(
        ...helpText(START)
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(110);
  });
});
