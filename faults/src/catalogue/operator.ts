import { auditPipeline } from '@kandle/local/audit-pipeline';
import { lettersOf } from '../stack/dead-letters.ts';
import { deleteRow } from '../stack/delete-row.ts';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

/** Poison: a KafkaSource gives such an event up at once. */
const REFUSED = 422;
const GIVEN_UP_BY = ['transform', 'aggregate', 'persist'] as const;
const DAMAGED = ['trades', 'candles_5s'] as const;
const ROUNDS = 4;

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

/** Repairs until nothing is left to be repaired, as the runbook says. */
async function repair({ options, prefix, plan }: Stack): Promise<void> {
  const { servers, keyspace } = options;
  for (let round = 0; round < ROUNDS; round++) {
    const report = await auditPipeline(
      { servers, keyspace, prefix, plan },
      { repair: 'yes', maxRefusedPpm: 1_000_000 },
    );
    if (report.repair === null) return;
  }
}

/** What people do who look after a pipeline, while it runs. */
export const OPERATOR_FAULTS: readonly Fault[] = [
  {
    name: 'events are given up by three functions, sent again, and rows deleted by hand repaired',
    async inject(stack) {
      await giveUp(stack);
      await lettersOf(stack).redrive();
      for (const table of DAMAGED) await deleteRow(stack.pipeline.client, stack.options.keyspace, table);
      await repair(stack);
    },
  },
];
