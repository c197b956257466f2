import { parseRawBatch } from '@kandle/market/feed/raw-batch';
import type { Trade } from '@kandle/market/trade/trade';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import { readTrial, type Trial, type TrialWindow, trialNames } from '@kandle/testkit/trials';
import { describe, expect, test } from 'vitest';
import { createFeedTime } from './feed/feed-time.ts';
import { createIntake, type Verdict } from './intake.ts';
import { createOutbox } from './lane/outbox.ts';
import { readConfig } from './config.ts';
import { intakeOptions, shardOptions } from './settings.ts';
import { createShardMap } from './shard-map.ts';

const WINDOW_MS = 5_000;

interface Played {
  readonly trades: readonly Trade[];
  readonly refused: readonly string[];
}

/**
 * Takes a recording in as ingest does at unlimited speed, with its own settings, and cleans it as transform
 * does.
 */
function play(trial: Trial, clockOf: (recvMs: number) => number): Played {
  const config = readConfig({ FINNHUB_TOKEN: 'replay', SYMBOLS: 'A', REPLAY_SPEED: 'max' });
  const shards = createShardMap(shardOptions(config));
  const intake = createIntake(shards, intakeOptions(config));
  const outbox = createOutbox(shards, { lingerMs: config.LINGER_MS, spacingMs: config.SPACING_MS });
  const feedTime = createFeedTime(Number.POSITIVE_INFINITY, () => 0);
  const trades: Trade[] = [];
  const refused: string[] = [];
  const note = (verdicts: readonly Verdict[]): void => {
    for (const verdict of verdicts) if (verdict.kind === 'reject') refused.push(verdict.reject.reason);
  };
  let toldMs: number | null = null;
  for (const { recvMs, entries } of trial.frames) {
    const clockMs = clockOf(recvMs);
    // As the replay server tells it.
    if (toldMs === null || clockMs < toldMs || clockMs - toldMs >= 1_000) {
      feedTime.pass(Math.max(0, clockMs - (toldMs ?? clockMs)));
      feedTime.tell(clockMs);
      toldMs = clockMs;
    }
    const arrival = {
      connection: 1,
      monotonicMs: 0,
      feedMs: feedTime.nowMs(),
      clockMs: feedTime.recordedMs(),
    };
    for (const entry of entries) note(intake.offer(entry, arrival));
  }
  note(intake.end(0));
  const departure = { epoch: 1, monotonicMs: 0, wallMs: 0, traceparent: () => 'tp' };
  for (let group = outbox.take(departure, true); group !== null; group = outbox.take(departure, true)) {
    for (const { extensions, data } of group.events) {
      const batch = parseRawBatch(extensions, JSON.parse(JSON.stringify(data)));
      const cleaned = cleanBatch(batch, config.HORIZON_MS);
      trades.push(...cleaned.batch.trades);
      refused.push(...cleaned.rejects.map(({ reason }) => reason));
    }
  }
  return { trades, refused };
}

/** Counts, prices and volumes by symbol and window, read off the list of trades. */
function windowsOf(trades: readonly Trade[]) {
  const byWindow = Map.groupBy(
    trades,
    ({ symbol, eventTimeMs }) => `${symbol} ${eventTimeMs - (eventTimeMs % WINDOW_MS)}`,
  );
  return new Map(
    [...byWindow].map(([key, list]) => {
      const sorted = list.toSorted((a, b) => a.eventTimeMs - b.eventTimeMs);
      const prices = sorted.map(({ priceE8 }) => Number(priceE8));
      return [
        key,
        {
          open: prices.at(0),
          high: Math.max(...prices),
          low: Math.min(...prices),
          close: prices.at(-1),
          volume: sorted.reduce((sum, { sizeE8 }) => sum + Number(sizeE8), 0),
          count: sorted.length,
        },
      ];
    }),
  );
}

function rightWindows(windows: readonly TrialWindow[]) {
  const e8 = (text: string): number => Math.round(Number(text) * 1e8);
  return new Map(
    windows.map(({ symbol, windowStartMs, open, high, low, close, volume, count }) => [
      `${symbol} ${windowStartMs}`,
      { open: e8(open), high: e8(high), low: e8(low), close: e8(close), volume: e8(volume), count },
    ]),
  );
}

const trials = trialNames().map(readTrial);

describe('a recording has its right values in a fast replay', () => {
  test.each(trials.map((trial) => [trial.name, trial] as const))('%s', (_name, trial) => {
    const { trades, refused } = play(trial, (recvMs) => recvMs);
    const windows = windowsOf(trades);
    for (const [key, right] of rightWindows(trial.windows)) expect(windows.get(key), key).toEqual(right);
    expect(trades).toHaveLength(trial.trades);
    // What is not counted is the record from the future, by name.
    const entries = trial.frames.flatMap((frame) => frame.entries).length;
    expect(refused).toEqual(Array.from({ length: entries - trial.trades }, () => 'too_far_ahead'));
  });
});

describe('a recording loses no trade, whatever its clock says', () => {
  const clocks: readonly (readonly [name: string, (recvMs: number, firstMs: number) => number])[] = [
    ['0', () => 0],
    ['the first second for ever', (_recvMs, firstMs) => firstMs],
    ['time since boot', (recvMs, firstMs) => recvMs - firstMs + 86_400_000],
    ['seconds', (recvMs) => Math.floor(recvMs / 1_000)],
    ['an hour before', (recvMs) => recvMs - 3_600_000],
    ['a day after', (recvMs) => recvMs + 86_400_000],
  ];
  test.each(
    clocks.flatMap(([clock, clockOf]) => trials.map((trial) => [clock, trial.name, trial, clockOf] as const)),
  )('%s: %s', (_clock, _name, trial, clockOf) => {
    const firstMs = trial.frames[0]?.recvMs ?? 0;
    const { trades } = play(trial, (recvMs) => clockOf(recvMs, firstMs));
    const windows = windowsOf(trades);
    for (const [key, right] of rightWindows(trial.windows)) expect(windows.get(key), key).toEqual(right);
  });
});
