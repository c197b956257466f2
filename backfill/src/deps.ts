import type { FormatName } from '@kandle/market/feed/format-name';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import type { EventProducer } from '@kandle/runtime/event-producer';
import type { Kafka } from 'kafkajs';
import type { History, HistoryQuestion } from './history.ts';

/** What a backfill works with. */
export interface BackfillDeps {
  readonly kafka: Kafka;
  readonly producer: Pick<EventProducer, 'send'>;
  /** Reads what is Avro of the log; null where there is no schema registry. */
  readonly avro: AvroEvents | null;
  readonly topics: Readonly<Record<'raw' | 'redriven', string>>;
  /** As transform has it. */
  readonly horizonMs: number;
  /** As ingest has it. */
  readonly shardCount: number;
  readonly maxTrades: number;
  /** Where trades are looked for, once it is known what is asked for. */
  readonly openHistory: (
    format: FormatName | undefined,
    questions: readonly HistoryQuestion[],
  ) => Promise<History>;
  readonly wallMs: () => number;
  readonly onProgress: (text: string) => void;
}
