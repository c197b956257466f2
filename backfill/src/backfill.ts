import { RetryableError } from '@kandle/runtime/errors';
import type { BackfillDeps } from './deps.ts';
import { entryId } from './ledger.ts';
import { type GapFilter, makePlan } from './plan.ts';
import { broughtFor, type GapOutcome, tellGaps } from './report.ts';
import { readChain, sendBatches, unsentOf, writePlan } from './send.ts';

/** What a backfill did, or would do. */
export interface BackfillOutcome {
  readonly gaps: readonly GapOutcome[];
  /** Batches that an earlier run had begun, and this one has sent. */
  readonly finished: number;
}

/** How often it begins anew where another run was faster. */
const MAX_TRIES = 5;

/**
 * Looks for the trades of a feed's gaps elsewhere, and brings those that are not counted yet.
 *
 * A gap is taken once no live trade of it can come any more: everything that is sent before it is older than
 * the horizon is too late from then on. So what the log counts of it stays as it is, and what the history has
 * beyond that is missing. What is brought goes through the ledger first: killed at any moment, the next run
 * ends where this one would have.
 *
 * @throws {FatalError} If the history refuses us or the settings do not fit the log; {RetryableError} if Kafka
 *   or the history is away.
 */
export async function runBackfill(
  deps: BackfillDeps,
  filter: GapFilter,
  isDryRun: boolean,
): Promise<BackfillOutcome> {
  let chain = await readChain(deps);
  const unsent = unsentOf(chain, deps.wallMs());
  if (unsent.length > 0) deps.onProgress(`An earlier backfill has left ${unsent.length} batches unsent.`);
  if (!isDryRun) await sendBatches(deps, unsent);
  const runs = new Set<string>();
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const plan = await makePlan(deps, filter, chain, isDryRun ? unsent : []);
    runs.add(plan.run);
    if (isDryRun) return { gaps: plan.gaps.map(({ outcome }) => outcome), finished: 0 };
    await writePlan(deps, plan.batches, chain);
    const after = plan.batches.length === 0 ? chain : await readChain(deps);
    const won = new Set(after.batches().map(({ id }) => id));
    if (plan.batches.every(({ batch }) => won.has(entryId(batch)))) {
      await sendBatches(deps, plan.batches);
      await tellGaps(deps, plan.gaps, after);
      // What an earlier try has brought counts too.
      const brought = (name: string): number => broughtFor(after, name, { wallMs: deps.wallMs(), runs });
      const gaps = plan.gaps.map(({ outcome }) => ({ ...outcome, brought: brought(outcome.name) }));
      return { gaps, finished: unsent.length };
    }
    deps.onProgress('Another backfill was faster: looking again.');
    chain = after;
    await sendBatches(deps, unsentOf(chain, deps.wallMs()));
  }
  throw new RetryableError('Cannot backfill: others bring trades of the same shards all the time');
}
