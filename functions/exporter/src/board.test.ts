import { createLogger } from '@kandle/runtime/log';
import { expect, test } from 'vitest';
import { createBoard } from './board.ts';
import type { Collector, Sample } from './collector.ts';

const STALE_MS = 60_000;

/** A board of two collectors of one server and one of another, whose answers the test sets. */
function setUp() {
  const clock = { nowMs: 1_000_000 };
  const warnings: unknown[] = [];
  const answers: Record<string, () => Promise<readonly Sample[]>> = {};
  const collector = (name: string, server: Collector['server'], label: string): Collector => ({
    name,
    server,
    gauges: {
      [`kandle_${name}`]: { help: `Number of ${name}`, labels: [label] },
      [`kandle_${name}_total`]: { help: `Number of all ${name}`, labels: [label], isCounter: true },
    },
    collect: () => answers[name]?.() ?? Promise.resolve([]),
  });
  const board = createBoard(
    [
      collector('lag', 'kafka', 'topic'),
      collector('rows', 'cassandra', 'table'),
      collector('gaps', 'cassandra', 'feed'),
    ],
    {
      staleMs: STALE_MS,
      deadlineMs: 50,
      nowMs: () => clock.nowMs,
      log: Object.assign(createLogger('test', 'silent'), { warn: (line: unknown) => warnings.push(line) }),
    },
  );
  const linesOf = async (start: string) =>
    (await board.render()).split('\n').filter((line) => line.startsWith(start));
  return { board, clock, answers, warnings, linesOf };
}

const lag = (topic: string, value: number): Sample => ({ gauge: 'kandle_lag', labels: { topic }, value });

test('shows what the collectors read, and no more what they read no more', async () => {
  const { board, answers, linesOf } = setUp();
  expect(board.isReady()).toBe(false);
  answers['lag'] = () => Promise.resolve([lag('a', 1), lag('b', 2)]);
  await board.collect();
  expect(board.isReady()).toBe(true);
  expect(await linesOf('kandle_lag')).toEqual(['kandle_lag{topic="a"} 1', 'kandle_lag{topic="b"} 2']);
  answers['lag'] = () => Promise.resolve([lag('b', 3)]);
  await board.collect();
  expect(await linesOf('kandle_lag')).toEqual(['kandle_lag{topic="b"} 3']);
  expect(await linesOf('kandle_collected_timestamp_seconds{collector="lag"}')).toEqual([
    'kandle_collected_timestamp_seconds{collector="lag"} 1000',
  ]);
});

test('shows a counter as one, with the newest value', async () => {
  const { board, answers, linesOf } = setUp();
  const total = (value: number): Sample => ({ gauge: 'kandle_lag_total', labels: { topic: 'a' }, value });
  for (const value of [7, 9, 9, 0]) {
    answers['lag'] = () => Promise.resolve([total(value)]);
    await board.collect();
    expect(await linesOf('kandle_lag_total')).toEqual([`kandle_lag_total{topic="a"} ${value}`]);
  }
  expect(await linesOf('# TYPE kandle_lag_total')).toEqual(['# TYPE kandle_lag_total counter']);
});

test('keeps numbers that cannot be read again until they are stale, and says that they cannot', async () => {
  const { board, clock, answers, warnings, linesOf } = setUp();
  answers['lag'] = () => Promise.resolve([lag('a', 1)]);
  await board.collect();
  expect(await linesOf('kandle_up{part="kafka"}')).toEqual(['kandle_up{part="kafka"} 1']);
  answers['lag'] = () => Promise.reject(new Error('away'));
  await board.collect();
  clock.nowMs += STALE_MS;
  await board.collect();
  expect(await linesOf('kandle_lag')).toEqual(['kandle_lag{topic="a"} 1']);
  expect(await linesOf('kandle_up')).toEqual(['kandle_up{part="kafka"} 0', 'kandle_up{part="cassandra"} 1']);
  clock.nowMs += 1;
  expect(await linesOf('kandle_lag')).toEqual([]);
  expect(await linesOf('kandle_collector_up{collector="lag"}')).toEqual([
    'kandle_collector_up{collector="lag"} 0',
  ]);
  expect(warnings).toEqual(['Cannot read lag: away']);
});

test('counts a server as up, when one of its collectors fails and another does not', async () => {
  const { board, answers, linesOf } = setUp();
  answers['rows'] = () => Promise.reject(new Error('no such table'));
  await board.collect();
  expect(await linesOf('kandle_up{part="cassandra"}')).toEqual(['kandle_up{part="cassandra"} 1']);
  expect(await linesOf('kandle_collector_up{collector="rows"}')).toEqual([
    'kandle_collector_up{collector="rows"} 0',
  ]);
  answers['gaps'] = () => Promise.reject(new Error('away'));
  await board.collect();
  expect(await linesOf('kandle_up{part="cassandra"}')).toEqual(['kandle_up{part="cassandra"} 0']);
});

test('waits no longer than its deadline, when a collector hangs', async () => {
  const { board, answers, linesOf } = setUp();
  answers['lag'] = () => new Promise(() => undefined);
  answers['rows'] = () => Promise.resolve([{ gauge: 'kandle_rows', labels: { table: 't' }, value: 7 }]);
  await board.collect();
  expect(await linesOf('kandle_rows')).toEqual(['kandle_rows{table="t"} 7']);
  expect(await linesOf('kandle_up{part="kafka"}')).toEqual(['kandle_up{part="kafka"} 0']);
});
