import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { formatIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatBatchRejects } from '@kandle/market/event/rejects';
import { formatSignalBatch, signalId } from '@kandle/market/signal/signal-batch';
import { toKafkaMessage } from '@kandle/runtime/kafka-message';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { Kafka, logLevel } from 'kafkajs';
import { joinGroup } from '@kandle/testkit/other-member';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { createKafkaWatch } from '../src/view/kafka-watch.ts';

const W0 = 1_700_000_000_000;
const SHARD = 'sim-03';

function eventsOf(windowStartMs: number): {
  candles: readonly MarketEvent[];
  signals: readonly MarketEvent[];
} {
  const candle = {
    symbol: 'SIM:A',
    version: 2,
    state: 'final',
    revision: 0,
    reason: null,
    complete: true,
    lastTradeMs: windowStartMs,
    openE8: e8(100_000_000n),
    highE8: e8(100_000_000n),
    lowE8: e8(100_000_000n),
    closeE8: e8(100_000_000n),
    volumeE8: e8(1n),
    notionalE16: e16(1n),
    priceSumE8: e8(1n),
    tradeCount: 1,
  } as const;
  const named = { rule: 'rsi', symbol: 'SIM:A', windowStartMs };
  const signal = {
    ...named,
    id: signalId(named),
    side: 'sell',
    strength: 1,
    numbers: { rsi: 75 },
    text: 'SIM:A is overbought.',
    state: 'active',
    version: 1,
    causedAtMs: windowStartMs,
  } as const;
  const row = { symbol: 'SIM:A', version: 1, candleVersion: 2, repeated: 0, restarted: false, close: 1 };
  return {
    candles: formatCandleBatch({
      shard: SHARD,
      windowStartMs,
      windowMs: 5_000,
      kind: 'final',
      version: 2,
      candles: [candle],
    }),
    signals: [
      ...formatIndicatorBatch({
        shard: SHARD,
        windowStartMs,
        indicators: [{ ...row, values: { sma20: 1.5, ema20: 1.25, rsi14: 75 } }],
      }),
      ...formatSignalBatch({ shard: SHARD, windowStartMs, version: 1, signals: [signal] }),
    ],
  };
}

test('createKafkaWatch() shows candles, indicators and signals from where it was made on, and passes over nonsense', async () => {
  const prefix = `watch${Date.now()}.`;
  const topics = {
    candles: `${prefix}candles`,
    signals: `${prefix}signals`,
    rejects: `${prefix}rejects`,
    dead: `${prefix}dead`,
  };
  const kafka = new Kafka({ brokers: [...inject('kafkaBrokers')], logLevel: logLevel.NOTHING });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => void (await Promise.all([admin.disconnect(), producer.disconnect()])));
  await createTopics(
    admin,
    Object.values(topics).map((topic) => ({ topic, partitions: 3 })),
  );
  const send = (topic: string, events: readonly MarketEvent[]): Promise<unknown> =>
    producer.send({ topic, messages: events.map(toKafkaMessage) });
  const before = eventsOf(W0);
  await send(topics.candles, before.candles);
  await send(topics.signals, before.signals);
  const watch = await createKafkaWatch(inject('kafkaBrokers'), topics, true);
  onTestFinished(() => watch.close());
  await watch.start();
  await producer.send({ topic: topics.signals, messages: [{ key: SHARD, value: 'nonsense' }] });
  const after = eventsOf(W0 + 5_000);
  await send(topics.candles, after.candles);
  await send(topics.signals, after.signals);
  const refused = (n: number) => ({ id: `r${n}`, reason: 'too_late' as const, detail: '', record: {} });
  const rejects = formatBatchRejects('e1:sim-03:7', SHARD, [refused(0), refused(1)]);
  // The same refusals may come twice.
  await send(topics.rejects, [rejects, rejects]);
  await vi.waitFor(() => {
    expect(watch.board.finalCandles()).toBe(1);
    expect(watch.signals.indicatorsOf('sim SIM:A')).toEqual({ ma: 1.5, ema: 1.25, rsi: 75 });
    expect(watch.signals.latest(5)).toEqual([
      { windowStartMs: W0 + 5_000, side: 'sell', text: 'SIM:A is overbought.', isRetracted: false },
    ]);
  }, 60_000);
  await watch.catchUp(30_000);
  expect(watch.refusals()).toEqual(new Map([['too_late', 2]]));
  // What comes while another member has part of the partitions is shown when it has left.
  const { groups } = await admin.listGroups();
  const group = groups.find(({ groupId }) => groupId.startsWith(`kandle-view-${process.pid}-`));
  const other = await joinGroup(kafka, group?.groupId ?? '', [
    topics.candles,
    topics.signals,
    topics.rejects,
  ]);
  const windows = Array.from({ length: 6 }, (_, n) => W0 + (n + 2) * 5_000);
  for (const startMs of windows)
    await producer.send({
      topic: topics.candles,
      messages: eventsOf(startMs).candles.map((event) => ({
        ...toKafkaMessage(event),
        partition: windows.indexOf(startMs) % 3,
      })),
    });
  await other.leave();
  await vi.waitFor(() => expect(watch.board.finalCandles()).toBe(1 + windows.length), 60_000);
});
