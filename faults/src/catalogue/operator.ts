import { auditPipeline } from '@kandle/local/audit-pipeline';
import { lettersOf } from '../stack/dead-letters.ts';
import { type DeletedRow, deleteRow } from '../stack/delete-row.ts';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

/** Poison: a KafkaSource gives such an event up at once. */
const REFUSED = 422;
const GIVEN_UP_BY = ['transform', 'aggregate', 'persist'] as const;
const DAMAGED = ['trades', 'candles_5s'] as const;
const ROUNDS = 10;
const WAIT_MS = 60_000;

async function giveUp(stack: Stack): Promise<void> {
  const letters = lettersOf(stack);
  for (const name of GIVEN_UP_BY) {
    const answer = stack.dispatcher.answerFor(name, REFUSED);
    try {
      await until(`events for ${name}`, () => answer.count() >= 3);
    } finally {
      answer.release();
    }
    await until(`letters of ${name}`, async () =>
      (await letters.list()).some(({ letter, fate }) => letter.destination === name && fate === 'send'),
    );
  }
}

/**
 * Repairs until nothing is left to be repaired and the rows are back, as the runbook says. An audit passes over
 * what the functions have not reached yet, so that one round may not be enough on a busy machine.
 */
async function repair({ options, prefix, plan }: Stack, deleted: readonly DeletedRow[]): Promise<void> {
  const { servers, keyspace } = options;
  for (let round = 0; round < ROUNDS; round++) {
    const { repair: done } = await auditPipeline(
      { servers, keyspace, prefix, plan },
      { repair: 'yes', maxRefusedPpm: 1_000_000, waitMs: WAIT_MS },
    );
    const back = await Promise.all(deleted.map((row) => row.isBack()));
    if (done === null && back.every(Boolean)) return;
  }
  const back = await Promise.all(deleted.map((row) => row.isBack()));
  const missing = deleted.filter((_, place) => back[place] === false).map(({ table }) => table);
  if (missing.length > 0) throw new Error(`Not repaired in ${ROUNDS} rounds: a row of ${missing.join(', ')}`);
}

/** What people do who look after a pipeline, while it runs. */
export const OPERATOR_FAULTS: readonly Fault[] = [
  {
    name: 'events are given up by three functions, sent again, and rows deleted by hand repaired',
    async inject(stack) {
      await giveUp(stack);
      await lettersOf(stack).redrive();
      const deleted: DeletedRow[] = [];
      for (const table of DAMAGED)
        deleted.push(await deleteRow(stack.pipeline.client, stack.options.keyspace, table));
      await repair(stack, deleted);
    },
  },
];
