import { randomUUID } from 'node:crypto';
import { missingTrades } from '@kandle/market/backfill/missing-trades';
import { partsOf } from '@kandle/market/event/parts';
import { feedOfShard, shardOf } from '@kandle/market/event/shard';
import type { FormatName } from '@kandle/market/feed/format-name';
import type { RawRecord } from '@kandle/market/feed/raw-batch';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import type { Trade } from '@kandle/market/trade/trade';
import { windowStartOf } from '@kandle/market/window/window';
import { FatalError } from '@kandle/runtime/errors';
import type { BackfillDeps } from './deps.ts';
import type { History, HistoryQuestion } from './history.ts';
import type { Chain, LedgerBatch, PlannedBatch } from './ledger.ts';
import { type CountedGap, type KnownGap, type LogFacts, readCountedGaps, readFacts } from './read-log.ts';
import { broughtFor, leftOf, type PlannedGap, reportOf, stateOf } from './report.ts';

/** Which gaps are wanted. */
export interface GapFilter {
  readonly feed: string;
  /** Only this one, `finnhub-03:1764000000000:silent`. */
  readonly gap: string | null;
  /** Only gaps that begin at or after this, and before that. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

/** What is to be sent, and what is to be told. */
export interface Plan {
  readonly gaps: readonly PlannedGap[];
  readonly batches: readonly Pick<PlannedBatch, 'gap' | 'batch'>[];
  /** What its batches have in `run`. */
  readonly run: string;
}

/** Records of one batch; ingest makes batches of the same size. */
const MAX_RECORDS = 400;
/** Most trades planned in one run: what is in the ledger is in memory too. */
const MAX_PLANNED = 200_000;

/**
 * Looks for what the log lacks of its gaps, as the ledger and the log are now.
 *
 * @param pending Batches of the ledger that will be sent beside the plan's, and are not in the log yet.
 * @throws As {@link runBackfill}.
 */
export async function makePlan(
  deps: BackfillDeps,
  filter: GapFilter,
  chain: Chain,
  pending: readonly PlannedBatch[],
): Promise<Plan> {
  const run = randomUUID();
  deps.onProgress('Reading the gaps of the log …');
  const log = { kafka: deps.kafka, topic: deps.topics.raw, avro: deps.avro };
  const facts = await readFacts(log);
  const gaps: PlannedGap[] = [];
  const ready: KnownGap[] = [];
  for (const known of facts.gaps.filter((one) => isWanted(one, filter))) {
    const hindrance = hindranceOf(known, facts, deps.horizonMs);
    if (hindrance === null) ready.push(known);
    else gaps.push(hindered(known, hindrance));
  }
  if (ready.length === 0) return { gaps, batches: [], run };
  deps.onProgress(`Reading what is counted of ${ready.length} gaps …`);
  const { horizonMs, maxTrades } = deps;
  const counted = await readCountedGaps(log, {
    gaps: ready,
    facts,
    horizonMs,
    maxTrades,
  });
  checkShards(counted, filter.feed, deps.shardCount);
  const questions = ready.map((known) => questionOf(known, counted.get(known.name)));
  const history = await deps.openHistory(formatOf(counted), questions);
  const wallMs = deps.wallMs();
  const addBatches = createBatches(history, run, wallMs, chain);
  /** By shard: of two gaps that overlap, the second finds what is planned for the first. */
  const planned = new Map<string, readonly Trade[]>();
  for (const { batch } of pending)
    planned.set(batch.shard, [...(planned.get(batch.shard) ?? []), ...tradesIn(batch)]);
  let total = 0;
  const batches: Plan['batches'][number][] = [];
  for (const [index, known] of ready.entries()) {
    const of = counted.get(known.name);
    const question = questions[index];
    if (of === undefined || question === undefined) continue;
    if (total >= MAX_PLANNED) {
      const note = `${MAX_PLANNED} trades are enough for one run: run it again`;
      gaps.push(hindered(known, { state: 'waiting', note }));
      continue;
    }
    deps.onProgress(`Asking for ${describeGap(known)} (${index + 1} of ${ready.length}) …`);
    const answer = await history.read(question);
    const { shard } = known.gap;
    const others = planned.get(shard) ?? [];
    const missing = missingTrades({
      shard,
      history: answer.records,
      counted: [...of.trades, ...others.filter((trade) => isIn(question, trade))],
      format: of.format,
      rules: of.rules,
    });
    planned.set(shard, [...others, ...missing.trades]);
    total += missing.records.length;
    batches.push(...addBatches(known, of, missing.records));
    const brought = missing.records.length;
    const report = reportOf(known, history.source, answer, of.symbols);
    const outcome = {
      name: known.name,
      gap: known.gap,
      state: stateOf(report.left, broughtFor(chain, known.name, { wallMs }) + brought),
      brought,
      known: missing.known,
      note: report.note,
      hasFailed: answer.hasFailed,
    };
    gaps.push({ known, report, outcome });
  }
  return { gaps, batches, run };
}

/** Makes batches of records, numbered within their shard in an epoch of this plan's own. */
function createBatches(history: History, run: string, wallMs: number, chain: Chain) {
  const epoch = Math.max(wallMs, ...chain.batches().map(({ batch }) => batch.epoch + 1));
  const sequences = new Map<string, number>();
  return ({ name, gap: { shard } }: KnownGap, { format, rules }: CountedGap, records: readonly RawRecord[]) =>
    [...partsOf(records, MAX_RECORDS)].map((part) => {
      const sequence = (sequences.get(shard) ?? 0) + 1;
      sequences.set(shard, sequence);
      const batch: LedgerBatch = {
        shard,
        epoch,
        sequence,
        ingestTimeMs: epoch,
        backfilled: history.source,
        run,
        format,
        rules,
        records: [...part],
      };
      return { gap: name, batch };
    });
}

interface Hindrance {
  readonly state: 'waiting' | 'unfilled';
  readonly note: string;
}

function hindered(known: KnownGap, { state, note }: Hindrance): PlannedGap {
  const { name, gap } = known;
  const report =
    state === 'waiting' ? null : { source: known.report?.source ?? 'log', left: leftOf(known), note };
  return { known, report, outcome: { name, gap, state, brought: 0, known: 0, note, hasFailed: false } };
}

/** Why a gap cannot be filled now, or ever; null if it can. */
function hindranceOf({ gap }: KnownGap, { shards }: LogFacts, horizonMs: number): Hindrance | null {
  const facts = shards.get(gap.shard);
  if (facts === undefined || windowStartOf(gap.fromMs) < facts.wholeFromMs)
    return {
      state: 'unfilled',
      note: 'the log does not hold what was counted then: nobody can say what is missing',
    };
  const fromMs = gap.toMs + horizonMs + facts.maxDelayMs;
  if (facts.watermarkMs <= fromMs) {
    const atMs = new Date(fromMs).toISOString();
    return {
      state: 'waiting',
      note: `live trades of it may still come, until the shard's watermark has passed ${atMs}`,
    };
  }
  return null;
}

function isWanted({ name, gap, report }: KnownGap, filter: GapFilter): boolean {
  return (
    feedOfShard(gap.shard) === filter.feed &&
    report?.state !== 'filled' &&
    (filter.gap === null || filter.gap === name) &&
    (filter.sinceMs === null || gap.fromMs >= filter.sinceMs) &&
    (filter.untilMs === null || gap.fromMs < filter.untilMs)
  );
}

/** The trades of a batch, as transform will judge it. */
function tradesIn({ run: _, ...batch }: LedgerBatch): readonly Trade[] {
  return cleanBatch({ ...batch, watermarkMs: 0, watermarkBeforeMs: 0 }, 0).batch.trades;
}

function isIn({ fromMs, toMs }: HistoryQuestion, { eventTimeMs }: Trade): boolean {
  return eventTimeMs >= fromMs && eventTimeMs <= toMs;
}

function questionOf({ gap }: KnownGap, counted: CountedGap | undefined): HistoryQuestion {
  return { shard: gap.shard, symbols: counted?.symbols ?? new Set(), fromMs: gap.fromMs, toMs: gap.toMs };
}

/** @throws {FatalError} If symbols stand in other shards than this count would have them in. */
function checkShards(counted: ReadonlyMap<string, CountedGap>, feed: string, shardCount: number): void {
  for (const [name, { symbols }] of counted) {
    const shard = name.slice(0, name.indexOf(':'));
    for (const symbol of symbols) {
      if (shardOf(feed, symbol, shardCount) !== shard)
        throw new FatalError(
          `Cannot backfill: the log has ${symbol} in ${shard}, which is not so with SHARD_COUNT ${shardCount}: set it as ingest has it`,
        );
    }
  }
}

function formatOf(counted: ReadonlyMap<string, CountedGap>): FormatName | undefined {
  return [...counted.values()].map(({ format }) => format).find((format) => format !== undefined);
}

function describeGap({ gap }: KnownGap): string {
  return `${gap.shard} ${new Date(gap.fromMs).toISOString()} to ${new Date(gap.toMs).toISOString()}, ${gap.reason}`;
}
