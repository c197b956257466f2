import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { asJsonRecord } from '@kandle/runtime/record-data';
import type { Kafka } from 'kafkajs';
import { z } from 'zod';
import { headerText } from './dead-letter.ts';
import { rejectKey } from './ledger.ts';
import { readTopic } from '@kandle/runtime/read-topic';

/** A refused record, as far as it tells when it may have been counted. */
export interface MaybeCounted {
  readonly refusedMs: number;
  readonly place: { readonly shard: string; readonly tradeId: string };
}

/** How far the clocks of those who stored and who traded may be apart. */
const MARGIN_MS = 3_600_000;

const TradesSchema = z.object({ id: z.array(z.string()) });

/**
 * Which of some refused records are counted all the same, as their keys in the ledger: the feed has delivered
 * the trade at another time too, before the refusal or after it, and it stands in a clean batch. Sent again it
 * would count twice.
 *
 * Reads `market.trades.v1` from the earliest of these trades on.
 */
export async function readCounted(
  kafka: Kafka,
  tradesTopic: string,
  refused: readonly MaybeCounted[],
  avro: AvroEvents | null,
): Promise<ReadonlySet<string>> {
  if (refused.length === 0) return new Set();
  const wanted = new Set(refused.map(({ place }) => rejectKey(place)));
  const sinceMs = Math.min(...refused.map(earliestMs)) - MARGIN_MS;
  const counted = new Set<string>();
  const take = async (_: number, messages: Parameters<Parameters<typeof readTopic>[3]>[1]): Promise<void> => {
    for (const message of messages) {
      const { headers } = message;
      if (headerText(headers, 'ce_type') !== EVENT_TYPES.trades) continue;
      const shard = headerText(headers, 'ce_shard');
      const { value } = await asJsonRecord(message, avro);
      const { data } = TradesSchema.safeParse(JSON.parse(String(value)));
      for (const tradeId of data?.id ?? []) {
        const key = rejectKey({ shard, tradeId });
        if (wanted.has(key)) counted.add(key);
      }
    }
  };
  await readTopic(kafka, tradesTopic, { name: 'kandle-redrive', sinceMs: Math.max(0, sinceMs) }, take);
  return counted;
}

/** A trade's id begins with its time, in base 36. */
function earliestMs({ refusedMs, place }: MaybeCounted): number {
  const eventTimeMs = Number.parseInt(place.tradeId, 36);
  return Number.isFinite(eventTimeMs) ? Math.min(eventTimeMs, refusedMs) : 0;
}
