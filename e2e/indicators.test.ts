import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPO_ROOT } from '@kandle/tooling/paths';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { beforeAll, describe, expect, test } from 'vitest';
import { hasRecording, NO_RECORDING, RECORDING } from './recording.ts';
import { type Disturbance, runReplay } from './run-replay.ts';

const GOLDEN = join(REPO_ROOT, '../shared/data/golden_dev_btcusdt_5s.csv');
const hasGolden = hasRecording && existsSync(GOLDEN);
const SYMBOL = 'BINANCE:BTCUSDT';
const DAYS = ['2024-08-08', '2024-08-09'];
const NAMES = ['sma20', 'ema20', 'rsi14'] as const;

interface Stored {
  /** Values by `<name> <window start>`. */
  readonly indicators: Readonly<Record<string, number>>;
  /** What each signal says, by rule, symbol and window. */
  readonly signals: readonly string[];
  readonly deadLetters: number;
}

async function replay(disturbance: Disturbance = {}): Promise<Stored> {
  const indicators: Record<string, number> = {};
  const signals: string[] = [];
  const { deadLetters } = await runReplay(RECORDING, {
    ...disturbance,
    after: async ({ client }, keyspace) => {
      const stored = await client.execute(
        `SELECT start, sma, ema, rsi, names FROM ${keyspace}.indicators WHERE feed = 'finnhub' AND symbol = ? ALLOW FILTERING`,
        [SYMBOL],
        { fetchSize: 5_000 },
      );
      for (const row of stored.rows) {
        const warm = String(row['names']).split(' ');
        for (const name of NAMES.filter((one) => warm.includes(one)))
          indicators[`${name} ${Number(row['start'])}`] = Number(row[name.replace(/\d+$/, '')]);
      }
      for (const day of DAYS) {
        const { rows } = await client.execute(
          `SELECT * FROM ${keyspace}.signals WHERE feed = 'finnhub' AND day = ?`,
          [day],
        );
        for (const row of rows)
          signals.push(
            `${String(row['rule'])}:${String(row['symbol'])}:${Number(row['start'])} ${String(row['state'])} ${String(row['side'])} ${String(row['text'])}`,
          );
      }
    },
  });
  return { indicators, signals: signals.toSorted(), deadLetters };
}

/** The golden values by `<name> <window start>`. */
function readGolden(): Readonly<Record<string, number>> {
  const [header = '', ...lines] = readFileSync(GOLDEN, 'utf8').trim().split('\n');
  expect(header).toBe('i,window_start_ms,close,sma20,ema20,rsi14');
  expect(lines).toHaveLength(131);
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, start, , ...values] = line.split(',');
      return values.flatMap((value, i) => (value === '' ? [] : [[`${NAMES[i]} ${start}`, Number(value)]]));
    }),
  );
}

/** Waits until signal has had so many requests. */
async function untilSignalled(pipeline: Pipeline, requests: number): Promise<void> {
  while ((pipeline.services.get('signal')?.stats().requests ?? 0) < requests) await sleep(5);
}

describe.skipIf(!hasGolden)(
  `indicators and signals of the recorded trades${hasGolden ? '' : ` (${NO_RECORDING})`}`,
  () => {
    let plain: Stored;

    beforeAll(async () => {
      plain = await replay();
    });

    test('the pipeline ends with the golden SMA, EMA and RSI, each within 1e-9, and no other', () => {
      const golden = readGolden();
      expect(Object.keys(plain.indicators).toSorted()).toEqual(Object.keys(golden).toSorted());
      const off = Object.entries(golden).filter(
        ([key, value]) => !(Math.abs((plain.indicators[key] ?? 0) / value - 1) < 1e-9),
      );
      expect(off).toEqual([]);
      expect(plain.signals.length).toBeGreaterThan(0);
      expect(plain.deadLetters).toBe(0);
    });

    test('the pipeline ends with the same indicators and signals, when signal is killed and every event comes twice', async () => {
      let killed = 0;
      const again = await replay({
        deliveries: 2,
        during: async (pipeline) => {
          for (const requests of [20, 80, 160]) {
            await untilSignalled(pipeline, requests);
            pipeline.services.get('signal')?.kill();
            killed += 1;
          }
        },
      });
      expect(killed).toBe(3);
      expect(again).toEqual(plain);
    });
  },
);
