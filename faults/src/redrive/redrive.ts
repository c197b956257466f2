import { describeError, RetryableError } from '@kandle/runtime/errors';
import { shardPartitioner } from '@kandle/runtime/shard-partitioner';
import { CompressionTypes, type Kafka, type KafkaMessage, type Message } from 'kafkajs';
import { type DeadLetter, headerText, originalHeaders, readDeadLetter } from './dead-letter.ts';
import { formatEntry, letterKey, type LedgerEntry, parseEntry } from './ledger.ts';
import { originOf } from './origin.ts';
import { readTopic } from '@kandle/runtime/read-topic';
import { type Fate, fateOf, type Filter, matches } from './select.ts';

/** The topics that a redrive works on. */
export interface RedriveTopics {
  readonly dead: string;
  /** The ledger of what was sent again. */
  readonly redriven: string;
  /** Put before the name of a topic of origin, for tests that share a broker. */
  readonly prefix: string;
}

/** A dead letter that is wanted, and what becomes of it. */
export interface Judged {
  readonly letter: DeadLetter;
  readonly fate: Fate;
}

/** Most that goes into one request: a broker takes 1 MiB per partition. */
const MAX_REQUEST_BYTES = 500_000;

/** The dead letters that are wanted, oldest first; their bodies are not kept. */
export async function listDeadLetters(
  kafka: Kafka,
  topics: RedriveTopics,
  filter: Filter,
): Promise<readonly Judged[]> {
  const redriven = new Set<string>();
  await readTopic(kafka, topics.redriven, { name: 'kandle-redrive' }, (_, messages) => {
    for (const { value } of messages) redriven.add(letterKey(parseEntry(String(value))));
  });
  const judged: Judged[] = [];
  await readTopic(kafka, topics.dead, { name: 'kandle-redrive' }, (partition, messages) => {
    for (const message of messages) {
      const letter = readDeadLetter(partition, message);
      if (matches(letter, filter)) judged.push({ letter, fate: fateOf(letter, filter, redriven) });
    }
  });
  return judged.toSorted((a, b) => a.letter.givenUpMs - b.letter.givenUpMs);
}

/**
 * Sends dead letters again, as they first were, to the topics that they came from, and enters each in the
 * ledger once the broker has acknowledged it. A crash in between sends a few of them once more on the next run,
 * which every consumer takes for the repeat that it is.
 *
 * @returns Number of letters sent.
 * @throws {RetryableError} If the broker does not take them; what was acknowledged is in the ledger.
 */
export async function sendAgain(
  kafka: Kafka,
  topics: RedriveTopics,
  letters: readonly DeadLetter[],
  options: { readonly nowMs: () => number; readonly onProgress: (sent: number) => void },
): Promise<number> {
  const wanted = new Map(letters.map((letter) => [letterKey(letter), letter]));
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    // The partition is that of the functions: an event goes where its shard's others are.
    createPartitioner: shardPartitioner,
  });
  let sent = 0;

  async function send(group: readonly Outgoing[]): Promise<void> {
    if (group.length === 0) return;
    await producer.sendBatch({
      acks: -1,
      compression: CompressionTypes.GZIP,
      topicMessages: [...Map.groupBy(group, ({ entry }) => entry.sentTo)].map(([topic, ofTopic]) => ({
        topic,
        messages: ofTopic.map(({ message }) => message),
      })),
    });
    await producer.send({
      topic: topics.redriven,
      acks: -1,
      compression: CompressionTypes.GZIP,
      messages: group.map(({ entry }) => formatEntry(entry)),
    });
    sent += group.length;
    options.onProgress(sent);
  }

  function toOutgoing(partition: number, message: KafkaMessage): Outgoing | null {
    const letter = wanted.get(
      letterKey({ partition, offset: message.offset, id: headerText(message.headers, 'ce_id') }),
    );
    const origin = letter === undefined ? null : originOf(letter);
    if (letter === undefined || origin === null) return null;
    return {
      message: {
        key: letter.shard === '' ? message.key : letter.shard,
        value: message.value,
        headers: originalHeaders(message.headers),
      },
      entry: {
        partition,
        offset: message.offset,
        id: letter.id,
        sentTo: topics.prefix + origin,
        sentAtMs: options.nowMs(),
      },
    };
  }

  try {
    await producer.connect();
    await readTopic(kafka, topics.dead, { name: 'kandle-redrive' }, async (partition, messages) => {
      let group: Outgoing[] = [];
      let bytes = 0;
      for (const message of messages) {
        const outgoing = toOutgoing(partition, message);
        if (outgoing === null) continue;
        const size = message.value?.length ?? 0;
        if (bytes + size > MAX_REQUEST_BYTES) {
          await send(group);
          group = [];
          bytes = 0;
        }
        group.push(outgoing);
        bytes += size;
      }
      await send(group);
    });
    return sent;
  } catch (error) {
    throw new RetryableError(`Cannot send dead letters again: ${describeError(error)}`, { cause: error });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}

interface Outgoing {
  readonly message: Message;
  readonly entry: LedgerEntry;
}
