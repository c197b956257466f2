import { UsageError } from '@kandle/tooling/command';
import { expect, test } from 'vitest';
import { parseStartOptions } from './cli-options.ts';
import { sinkEnv } from './sinks.ts';

test('--sink may be given for each database, and gives its function what the environment says of it', () => {
  const options = parseStartOptions([
    '--sink',
    'influx=http://host:8086/path',
    '--sink=redis=redis://127.0.0.1:6379/1',
  ]);
  expect(options?.sinks).toEqual([
    { sink: 'sink-influx', url: 'http://host:8086/path' },
    { sink: 'sink-redis', url: 'redis://127.0.0.1:6379/1' },
  ]);
  const env = { INFLUX_API: 'v1', INFLUX_URL: 'http://other', REDIS_PASSWORD_FILE: '/file', HOME: '/root' };
  expect(options?.sinks.map((choice) => sinkEnv(choice, env))).toEqual([
    { INFLUX_API: 'v1', INFLUX_URL: 'http://host:8086/path' },
    { REDIS_PASSWORD_FILE: '/file', REDIS_URL: 'redis://127.0.0.1:6379/1' },
  ]);
  expect(parseStartOptions([])?.sinks).toEqual([]);
});

test.each([
  ['redis', 'expected influx='],
  ['redis=127.0.0.1:6379', 'expected influx='],
  ['redis=http://127.0.0.1:6379', 'expected influx='],
  ['mysql=http://127.0.0.1', 'expected influx='],
  ['redis=redis://:secret@127.0.0.1', 'a password belongs into a file'],
])('--sink %s is refused', (given, message) => {
  expect(() => parseStartOptions(['--sink', given])).toThrow(UsageError);
  expect(() => parseStartOptions(['--sink', given])).toThrow(message);
});

test('--sink is refused twice for the same database', () => {
  const twice = ['--sink', 'redis=redis://a', '--sink', 'redis=redis://b'];
  expect(() => parseStartOptions(twice)).toThrow(/--sink redis is given twice/);
});
