import { TOPICS } from '@kandle/market/event/topics';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import type { Client } from 'cassandra-driver';
import { Kafka, logLevel } from 'kafkajs';
import type { ViewState } from '../view/view-state.ts';
import type { LocalAnswers } from './local-pages.ts';
import { redriveById } from './redrive-command.ts';
import { createTableBrowser } from './table-browser.ts';
import { createTopicBrowser, type TopicEvent } from './topic-browser.ts';

/** What the answers are made from. */
export interface LocalSources {
  readonly brokers: readonly string[];
  /** Reads events that are Avro; null where there is no schema registry. */
  readonly avro?: AvroEvents | null;
  readonly client: Client;
  readonly keyspace: string;
  readonly folder: string;
  /** What stands before the topics' names: tests share a broker. */
  readonly prefix?: string;
  readonly state: () => ViewState;
  /** Refused records by reason. */
  readonly refusals: () => ReadonlyMap<string, number>;
}

const MAX_DEAD = 50;

/** Answers about a run that is under way. */
export function createLocalAnswers(sources: LocalSources): LocalAnswers & { close(): Promise<void> } {
  const { brokers, avro = null, client, keyspace, folder, prefix = '', state, refusals } = sources;
  const kafka = new Kafka({ clientId: 'kandle-console', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const topics = createTopicBrowser(kafka, avro);
  const tables = createTableBrowser(client, keyspace);

  return {
    async run() {
      // The market has a page of its own.
      const { symbols: _, signals: __, ...rest } = state();
      return { ...rest, refusals: [...refusals()], lastAudit: await tables.lastAudit().catch(() => null) };
    },
    async deadLetters() {
      const [letters, ledger] = await Promise.all([
        topics.events(prefix + TOPICS.dead, MAX_DEAD),
        topics.events(prefix + TOPICS.redriven, 200),
      ]);
      const redriven = new Set(ledger.map(({ key }) => key));
      return letters.map((letter) => letterOf(letter, redriven));
    },
    redrive: (id) => redriveById(id, { folder, prefix }),
    tables: tables.tables,
    rows: tables.rows,
    topics: topics.topics,
    events: topics.events,
    close: topics.close,
  };
}

/** What a person asks of a dead letter first. */
function letterOf(event: TopicEvent, redriven: ReadonlySet<string>) {
  const text = (name: string): string => event.headers[`ce_${name}`] ?? '';
  return {
    ...event,
    id: text('id'),
    type: text('type'),
    destination: /^[a-z]+:\/\/([^./:]+)/.exec(text('knativeerrordest'))?.[1] ?? '',
    status: text('knativeerrorcode'),
    reason: Buffer.from(text('knativeerrordata'), 'base64').toString('utf8').trim(),
    isRedriven: redriven.has(`${event.partition}:${event.offset}`),
  };
}
