import { setTimeout as sleep } from 'node:timers/promises';
import type { ServicePlan } from '@kandle/knative/plan';
import { eventOfRecord, requestHeaders } from '@kandle/stand-in/kafka-source/source-event';
import { createRandom, type Random } from '@kandle/tooling/random';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { parseTradeBatch } from '@kandle/market/trade/trade-batch';
import { windowDueMs, windowStartOf } from '@kandle/market/window/window';
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { expect, inject, onTestFinished, test } from 'vitest';
import { until } from '../../src/catalogue/fault.ts';
import { readTopic } from '@kandle/runtime/read-topic';
import type { Stack } from '../../src/stack/stack.ts';
import { expectClean, rateOf, SEED, startTestStack, tell } from '../test-stack.ts';

const RATE = rateOf(600);
const TRADES = 2_000;
const WITHIN = 100;
const TIMEOUT_MS = 90_000;
const GRACE_MS = 2_000;

interface Delivered {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** Each event one to five times, each copy up to `WITHIN` places from where it belongs. */
function repeatedAndShuffled(events: readonly Delivered[], random: Random): readonly Delivered[] {
  return events
    .flatMap((event, place) =>
      Array.from({ length: 1 + random.below(5) }, () => ({ event, at: place + random.next() * WITHIN })),
    )
    .toSorted((a, b) => a.at - b.at)
    .map(({ event }) => event);
}

/** Hands events to aggregate, so many at a time; one that is not taken is handed over again. */
async function deliver(stack: Stack, events: readonly Delivered[], concurrency: number): Promise<void> {
  const service = stack.pipeline.services.get('aggregate');
  let next = 0;
  async function worker(): Promise<void> {
    for (let one = events[next++]; one !== undefined; one = events[next++]) {
      const event = eventOfRecord(one.message, {
        topic: stack.prefix + TOPICS.trades,
        partition: one.partition,
        source: 'aggregate',
      });
      for (let status: number | null = 0; status !== 204; ) {
        const attempt = await service?.request(requestHeaders(event), event.body, TIMEOUT_MS);
        status = attempt?.status ?? null;
        // Lost every race: again a moment later, as the event source would.
        if (status !== 204) await sleep(50);
        expect([204, 503, null]).toContain(status);
      }
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** So many processes, each with one event at a time; one process as the manifests have it. */
function isolate(service: ServicePlan, instances: number): ServicePlan {
  return instances === 1
    ? { ...service, maxScale: 1 }
    : {
        ...service,
        minScale: instances,
        maxScale: instances,
        containerConcurrency: 1,
        targetConcurrency: 1,
      };
}

/** A stack whose aggregate gets nothing by itself, with so many instances of it. */
async function startWithoutAggregate(symbols: number, instances: number): Promise<Stack> {
  const { stack, end } = await startTestStack({
    rate: RATE,
    symbols,
    plan: (plan) => ({
      ...plan,
      sources: plan.sources.filter(({ name }) => name !== 'aggregate'),
      services: plan.services.map((service) =>
        service.name === 'aggregate' ? isolate(service, instances) : service,
      ),
    }),
  });
  onTestFinished(end);
  return stack;
}

/**
 * True if every shard has a batch whose watermark closes its last window: ingest sends it when the market is
 * silent.
 */
function isComplete(events: readonly Delivered[]): boolean {
  const batches = events.flatMap(({ message }) => {
    const attributes = Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name.replace(/^ce_/, ''), String(value)]),
    );
    // Gaps come through the same topic, one for the first window of each shard.
    if (attributes['type'] !== EVENT_TYPES.trades) return [];
    return parseTradeBatch(attributes, JSON.parse(String(message.value)));
  });
  return [...Map.groupBy(batches, ({ shard }) => shard).values()].every((ofShard) => {
    const watermarkMs = Math.max(...ofShard.map((batch) => batch.watermarkMs));
    return ofShard.every(({ trades }) =>
      trades.every(({ eventTimeMs }) => windowDueMs(windowStartOf(eventTimeMs), GRACE_MS) <= watermarkMs),
    );
  });
}

async function readCleanBatches(stack: Stack): Promise<readonly Delivered[]> {
  const kafka = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING });
  const events: Delivered[] = [];
  await readTopic(kafka, stack.prefix + TOPICS.trades, { name: 'kandle-redrive' }, (partition, messages) => {
    for (const message of messages) events.push({ partition, message });
  });
  return events.toSorted((a, b) => Number(a.message.timestamp) - Number(b.message.timestamp));
}

test.each([
  { what: 'every event comes 1 to 5 times, shuffled within 100', symbols: 20, instances: 1 },
  {
    what: 'two instances of aggregate work on one shard, with repeats out of order',
    symbols: 1,
    instances: 2,
  },
  {
    what: 'eight instances of aggregate work on one shard, with repeats out of order',
    symbols: 1,
    instances: 8,
  },
])('every trade counts once, when $what', async ({ symbols, instances }) => {
  const stack = await startWithoutAggregate(symbols, instances);
  await until('enough trades', () => stack.feed.stats().trades >= TRADES);
  await stack.untilAtRest(120_000);
  let events: readonly Delivered[] = [];
  await until('the batches that close the last windows', async () => {
    events = await readCleanBatches(stack);
    return isComplete(events);
  });
  const disordered = repeatedAndShuffled(events, createRandom(SEED));
  expect(disordered.length).toBeGreaterThan(2 * events.length);
  tell(`${events.length} events, ${disordered.length} deliveries`);
  await deliver(stack, disordered, instances === 1 ? 12 : instances);
  if (instances > 1) expect(stack.pipeline.services.get('aggregate')?.stats().pids).toHaveLength(instances);
  await expectClean(stack);
});
