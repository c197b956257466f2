import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { formatIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatSignalBatch, signalId } from '@kandle/market/signal/signal-batch';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { afterAll, beforeAll, inject } from 'vitest';

const WINDOW_START = 1_764_000_000_000;
const ONE = e8(100_000_000n);

/** Topics of one test file that a stream tells of, on the real Kafka of the test run. */
export function useStreamTopics(name: string) {
  const stamp = Date.now();
  const topics = { CANDLES_TOPIC: `${name}.${stamp}.candles`, SIGNALS_TOPIC: `${name}.${stamp}.signals` };
  const cassandra = inject('cassandra');
  const KAFKA_BROKERS = inject('kafkaBrokers').join(',');
  const kafka = createKafka(KafkaEnv.parse({ KAFKA_BROKERS }), name, createLogger(name, 'silent'));
  const producer = createEventProducer(kafka);
  const admin = kafka.admin();
  let nextVersion = 1;

  beforeAll(async () => {
    await admin.connect();
    await createTopics(
      admin,
      Object.values(topics).map((topic) => ({ topic, partitions: 3, config: {} })),
    );
  });

  afterAll(async () => {
    await admin.deleteTopics({ topics: Object.values(topics) });
    await Promise.all([admin.disconnect(), producer.close()]);
  });

  return {
    topics,
    /** Variables of a query process that is to listen to them; a stream asks Cassandra nothing. */
    settings: {
      ...topics,
      KAFKA_BROKERS,
      CASSANDRA_CONTACT_POINTS: cassandra.contactPoints.join(','),
      CASSANDRA_PORT: String(cassandra.port),
      CASSANDRA_KEYSPACE: 'of_no_stream',
    },
    kafka,
    admin,
    /** Sends one version of a candle of each symbol, a symbol to a shard of its own. @returns The version. */
    async sendCandles(symbols: readonly string[]): Promise<number> {
      const version = nextVersion++;
      const prices = { openE8: ONE, highE8: ONE, lowE8: ONE, closeE8: ONE, volumeE8: ONE, priceSumE8: ONE };
      const sums = { notionalE16: e16(10_000_000_000_000_000n), tradeCount: 1 };
      const state = { state: 'revised', revision: version, reason: 'late', complete: true } as const;
      const events = symbols.flatMap((symbol, index) =>
        formatCandleBatch({
          shard: `sim-0${index}`,
          windowStartMs: WINDOW_START,
          windowMs: 5_000,
          kind: 'revised',
          version,
          candles: [{ symbol, version, ...state, lastTradeMs: WINDOW_START, ...prices, ...sums }],
        }),
      );
      await producer.send(topics.CANDLES_TOPIC, events);
      return version;
    },
    /** The same of an indicator. */
    async sendIndicators(symbols: readonly string[], version: number): Promise<void> {
      const state = { version, candleVersion: version, repeated: 0, restarted: false };
      const events = symbols.flatMap((symbol, index) =>
        formatIndicatorBatch({
          shard: `sim-0${index}`,
          windowStartMs: WINDOW_START,
          indicators: [{ symbol, ...state, close: 1, values: { sma20: version / 7, rsi14: 50 } }],
        }),
      );
      await producer.send(topics.SIGNALS_TOPIC, events);
    },
    /** The same of a signal. */
    async sendSignals(symbols: readonly string[], version: number): Promise<void> {
      const found = { rule: 'jump', side: 'buy', strength: 0.5, numbers: {}, text: 'It jumped' } as const;
      const events = symbols.flatMap((symbol, index) => {
        const id = signalId({ rule: found.rule, symbol, windowStartMs: WINDOW_START });
        const state = { state: 'active', version, causedAtMs: WINDOW_START } as const;
        return formatSignalBatch({
          shard: `sim-0${index}`,
          windowStartMs: WINDOW_START,
          version,
          signals: [{ id, symbol, windowStartMs: WINDOW_START, ...found, ...state }],
        });
      });
      await producer.send(topics.SIGNALS_TOPIC, events);
    },
  };
}
