import type { Promotion } from '@kandle/market/view/promotions';
import { readPromotions } from '@kandle/runtime/promotions';
import type { Client } from 'cassandra-driver';

/** How old what is known of the pointer may be: a rollback is seen within that. */
const FRESH_MS = 500;

/** The promotions of now, asked for twice a second at most, whoever asks. */
export function createFollowedPromotions(
  client: Pick<Client, 'execute'>,
  monotonicMs: () => number,
): () => Promise<readonly Promotion[]> {
  let asked: { readonly atMs: number; readonly answer: Promise<readonly Promotion[]> } | null = null;
  return () => {
    const atMs = monotonicMs();
    if (asked === null || atMs - asked.atMs >= FRESH_MS) {
      const answer = readPromotions(client);
      // What failed is asked for again by whoever comes next.
      answer.catch(() => {
        asked = null;
      });
      asked = { atMs, answer };
    }
    return asked.answer;
  };
}
