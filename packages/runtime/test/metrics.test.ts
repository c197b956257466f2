import { afterEach, describe, expect, test, vi } from 'vitest';
import { startOtlpReceiver } from '@kandle/testkit/otlp-receiver';
import { createLogger } from '../src/log.ts';
import { MetricsEnv } from '../src/instruments.ts';
import { createMetricsHub } from '../src/metrics.ts';
import { readEnv } from '../src/config.ts';
import { FatalError } from '../src/errors.ts';

/** Loading the SDK unbundled takes a fifth of a second, seconds on a busy machine. */
const TIMEOUT = { timeout: 60_000 };

/** A machine that is busy answers late. */
const PATIENT_MS = 25_000;

const silent = createLogger('test', 'silent');

/** A log that keeps its warnings. */
function warnings() {
  const lines: string[] = [];
  const log = Object.assign(createLogger('test', 'silent'), { warn: (line: string) => lines.push(line) });
  return { log, lines };
}

function settingsFor(url: string, more: Readonly<Record<string, string>> = {}) {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...more };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return readEnv(MetricsEnv, env);
}

afterEach(() => void vi.unstubAllEnvs());

describe('createMetricsHub()', TIMEOUT, () => {
  test('counts nothing and loads nothing, when there is no endpoint', async () => {
    const load = vi.fn();
    const hub = createMetricsHub(load);
    hub.start(readEnv(MetricsEnv, {}), 'test', silent);
    hub.metrics('test').counter('things_total', 'Things').add(1);
    await hub.stop();
    expect(load).not.toHaveBeenCalled();
  });

  test('loads nothing, when nothing was counted', async () => {
    const load = vi.fn();
    const hub = createMetricsHub(load);
    hub.start(settingsFor('http://127.0.0.1:9'), 'test', silent);
    await hub.stop();
    expect(load).not.toHaveBeenCalled();
  });

  test('stop() sends what was counted before the SDK was loaded', async ({ onTestFinished }) => {
    const receiver = await startOtlpReceiver();
    onTestFinished(receiver.close);
    const hub = createMetricsHub(undefined, PATIENT_MS);
    const things = hub.metrics('test').counter('things_total', 'Things');
    const seconds = hub.metrics('test').histogram('thing_seconds', 'Time of a thing', 's');
    hub.start(settingsFor(receiver.url), 'things', silent);
    things.add(2, { kind: 'a' });
    things.add(3, { kind: 'a' });
    things.add(1, { kind: 'b' });
    seconds.record(0.25);
    seconds.record(0.5);
    await hub.stop();
    const points = receiver
      .points()
      .map(({ name, attributes, value, sum }) => ({ name, attributes, value, sum }));
    expect(points).toEqual([
      { name: 'things_total', attributes: { kind: 'a' }, value: 5, sum: undefined },
      { name: 'things_total', attributes: { kind: 'b' }, value: 1, sum: undefined },
      { name: 'thing_seconds', attributes: {}, value: 2, sum: 0.75 },
    ]);
    expect(receiver.points()).toEqual(
      Array(3).fill(expect.objectContaining({ service: 'things', isDelta: true })),
    );
  });

  test('sends at its interval, and every value once', async ({ onTestFinished }) => {
    const receiver = await startOtlpReceiver();
    onTestFinished(receiver.close);
    const hub = createMetricsHub(undefined, PATIENT_MS);
    hub.start(settingsFor(receiver.url, { OTEL_METRIC_EXPORT_INTERVAL: '50' }), 'things', silent);
    const things = hub.metrics('test').counter('things_total', 'Things');
    things.add(2);
    await vi.waitFor(() => expect(receiver.points()).toHaveLength(1), 10_000);
    things.add(3);
    await vi.waitFor(() => expect(receiver.points()).toHaveLength(2), 10_000);
    things.add(4);
    await hub.stop();
    expect(receiver.points().map(({ value }) => value)).toEqual([2, 3, 4]);
  });

  test('sends sums since the start, and headers, when the standard variables say so', async ({
    onTestFinished,
  }) => {
    const receiver = await startOtlpReceiver();
    onTestFinished(receiver.close);
    const hub = createMetricsHub(undefined, PATIENT_MS);
    const settings = settingsFor(receiver.url, {
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'cumulative',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20abc',
    });
    hub.start(settings, 'things', silent);
    hub.metrics('test').counter('things_total', 'Things').add(2);
    await hub.stop();
    expect(receiver.points()).toMatchObject([{ value: 2, isDelta: false }]);
    expect(receiver.headers()).toMatchObject([{ authorization: 'Basic abc' }]);
  });

  test.for([
    ['refuses', 'http://127.0.0.1:9'],
    ['hangs', null],
  ] as const)(
    'stop() ends with one line in the log, when the collector %s',
    async ([, url], { onTestFinished }) => {
      const receiver = await startOtlpReceiver('hangs');
      onTestFinished(receiver.close);
      const { log, lines } = warnings();
      const hub = createMetricsHub(undefined, 200);
      hub.start(settingsFor(url ?? receiver.url), 'things', log);
      hub.metrics('test').counter('things_total', 'Things').add(1);
      await hub.stop();
      expect(lines).toEqual(['Cannot send the last metrics: Cannot wait longer: no answer in 200 ms']);
    },
  );

  test('says so once and counts no more, when the SDK cannot be loaded', async () => {
    const { log, lines } = warnings();
    const hub = createMetricsHub(() => Promise.reject(new Error('no such file')));
    hub.start(settingsFor('http://127.0.0.1:9'), 'things', log);
    hub.metrics('test').counter('things_total', 'Things').add(1);
    await vi.waitFor(() => expect(lines).toEqual(['Cannot load the metrics: no such file']), 10_000);
    await hub.stop();
    expect(lines).toHaveLength(1);
  });
});

test('MetricsEnv refuses an endpoint that is no address', () => {
  expect(() => readEnv(MetricsEnv, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' })).toThrow(
    new FatalError(
      'Cannot start: OTEL_EXPORTER_OTLP_ENDPOINT: expected an address that begins with http:// or https://',
    ),
  );
});
