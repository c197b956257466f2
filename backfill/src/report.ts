import { ALL_SYMBOLS, bySymbol, leftAfter, shortened } from '@kandle/market/backfill/left-spans';
import { formatFeedGap, type GapBackfill, MAX_NOTE } from '@kandle/market/feed/feed-gap';
import type { BackfillDeps } from './deps.ts';
import type { HistoryAnswer } from './history.ts';
import { type Chain, isGivenUp } from './ledger.ts';
import type { KnownGap } from './read-log.ts';

/** What became of a gap in this run. */
export interface GapOutcome {
  readonly name: string;
  readonly gap: KnownGap['gap'];
  /** `waiting` is asked for later; the others are what the ledger says now, or would. */
  readonly state: GapBackfill['state'] | 'waiting';
  /** Trades of this run. */
  readonly brought: number;
  /** Trades of the history that are counted already. */
  readonly known: number;
  readonly note: string;
  /** The history could not be asked for all of it. */
  readonly hasFailed: boolean;
}

/** A gap, what became of it, and what is told of it. */
export interface PlannedGap {
  readonly known: KnownGap;
  readonly outcome: GapOutcome;
  /** Null if nothing is told of it now. */
  readonly report: GapReport | null;
}

/** What is told of a gap, but for when and how much was brought. */
export type GapReport = Pick<GapBackfill, 'source' | 'left' | 'note'>;

/** What a gap lacks as far as was told. */
export function leftOf({ gap, report }: KnownGap): GapBackfill['left'] {
  return report?.left ?? [{ symbol: ALL_SYMBOLS, fromMs: gap.fromMs, toMs: gap.toMs }];
}

/**
 * What is told of a gap for which a history was asked.
 *
 * @param symbols Those that the log knows of the shard.
 */
export function reportOf(
  known: KnownGap,
  source: string,
  { covered, note }: HistoryAnswer,
  symbols: ReadonlySet<string>,
): GapReport {
  const before = leftOf(known);
  if (symbols.size === 0) return { source, left: before, note: 'the log knows no symbol of the shard' };
  const left = shortened(leftAfter(bySymbol(before, symbols), covered));
  return { source, left, note: left.length === 0 ? '' : note.slice(0, MAX_NOTE) };
}

/** The state of a gap that lacks this still, and for which so many trades were brought by all runs. */
export function stateOf(left: GapBackfill['left'], trades: number): GapBackfill['state'] {
  if (left.length === 0) return 'filled';
  return trades > 0 ? 'partly' : 'unfilled';
}

/** Trades that were brought for a gap so far, or are being brought. @param runs Only by these. */
export function broughtFor(
  chain: Chain,
  name: string,
  { wallMs, runs }: { readonly wallMs: number; readonly runs?: ReadonlySet<string> },
): number {
  return chain
    .batches()
    .filter((one) => one.gap === name && !isGivenUp(one, wallMs) && runs?.has(one.batch.run) !== false)
    .reduce((sum, { trades }) => sum + trades, 0);
}

/** Tells of each gap what became of it, unless that is what was told last. */
export async function tellGaps(deps: BackfillDeps, gaps: readonly PlannedGap[], chain: Chain): Promise<void> {
  for (const { known, report } of gaps) {
    if (report === null) continue;
    const trades = broughtFor(chain, known.name, { wallMs: deps.wallMs() });
    const atMs = Math.max(deps.wallMs(), (known.report?.atMs ?? 0) + 1);
    const { source, left, note } = report;
    const backfill: GapBackfill = { source, atMs, state: stateOf(left, trades), trades, left, note };
    if (known.report !== null && isSame(known.report, backfill)) continue;
    await deps.producer.send(deps.topics.raw, [formatFeedGap({ ...known.gap, backfill }, atMs)]);
  }
}

function isSame(a: GapBackfill, b: GapBackfill): boolean {
  return JSON.stringify({ ...a, atMs: 0 }) === JSON.stringify({ ...b, atMs: 0 });
}
