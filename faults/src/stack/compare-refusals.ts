import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { z } from 'zod';
import { headerText } from '../redrive/dead-letter.ts';
import { readTopic } from '@kandle/runtime/read-topic';
import type { Refusable } from './faulty-feed.ts';
import type { Stack } from './stack.ts';

/** What stands in `market.rejects.v1` beside what the feed's faults explain. */
export interface Refusals {
  /** Records by reason, each once. */
  readonly byReason: Readonly<Record<string, number>>;
  /** One text for each kind that goes beyond what is explained. */
  readonly differences: readonly string[];
}

const RejectsSchema = z.object({ rejects: z.array(z.object({ id: z.string(), reason: z.string() })) });

/**
 * Holds what was refused against what the feed has sent that may be: nothing else is correct, whoever refused
 * it.
 */
export async function compareRefusals({ options, prefix, feed, vendors }: Stack): Promise<Refusals> {
  const kafka = createKafka(
    { KAFKA_BROKERS: [...options.servers.kafkaBrokers], KAFKA_TLS: false },
    'refusals',
    createLogger('refusals', 'silent'),
  );
  // The same one may stand there twice; its id says so.
  const reasons = new Map<string, string>();
  await readTopic(kafka, prefix + TOPICS.rejects, { name: 'kandle-redrive' }, (_, messages) => {
    for (const { headers, value } of messages) {
      if (headerText(headers, 'ce_type') !== EVENT_TYPES.rejects) continue;
      for (const { id, reason } of RejectsSchema.parse(JSON.parse(String(value))).rejects)
        reasons.set(id, reason);
    }
  });
  const byReason = Object.fromEntries(
    [...Map.groupBy(reasons.values(), (reason) => reason)].map(([reason, all]) => [reason, all.length]),
  );
  const { refusable } = feed.stats();
  const garbage = vendors.reduce((sum, vendor) => sum + vendor.refusable(), refusable.garbage);
  return { byReason, differences: beyond(byReason, { ...refusable, garbage }) };
}

/** What is refused beyond what is explained, in words. */
export function beyond(byReason: Readonly<Record<string, number>>, refusable: Refusable): readonly string[] {
  const found = { too_late: 0, too_far_ahead: 0, garbage: 0 };
  for (const [reason, count] of Object.entries(byReason))
    found[reason === 'too_late' || reason === 'too_far_ahead' ? reason : 'garbage'] += count;
  return (['too_late', 'too_far_ahead', 'garbage'] as const)
    .filter((kind) => found[kind] > refusable[kind])
    .map(
      (kind) =>
        `${found[kind]} records were refused as ${kind}, the faults explain ${refusable[kind]} (${showReasons(byReason)})`,
    );
}

/** Numbers by reason, as text. */
export function showReasons(byReason: Readonly<Record<string, number>>): string {
  const parts = Object.entries(byReason).map(([reason, count]) => `${count} ${reason}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
