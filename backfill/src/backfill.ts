import { randomUUID } from 'node:crypto';
import { ALL_SYMBOLS, bySymbol, leftAfter, shortened } from '@kandle/market/backfill/left-spans';
import { missingTrades } from '@kandle/market/backfill/missing-trades';
import { partsOf } from '@kandle/market/event/parts';
import { feedOfShard, shardOf } from '@kandle/market/event/shard';
import { formatFeedGap, type GapBackfill, MAX_NOTE } from '@kandle/market/feed/feed-gap';
import type { FormatName } from '@kandle/market/feed/format-name';
import type { Trade } from '@kandle/market/trade/trade';
import { windowStartOf } from '@kandle/market/window/window';
import { describeError, FatalError, RetryableError } from '@kandle/runtime/errors';
import type { EventProducer } from '@kandle/runtime/event-producer';
import { readTopic } from '@kandle/runtime/read-topic';
import { CompressionTypes, type Kafka } from 'kafkajs';
import type { History, HistoryQuestion } from './history.ts';
import {
  type Chain,
  createChain,
  entryId,
  eventOf,
  formatPlan,
  formatSent,
  type LedgerBatch,
  type PlannedBatch,
} from './ledger.ts';
import { type CountedGap, type KnownGap, type LogFacts, readCountedGaps, readFacts } from './read-log.ts';

/** Which gaps are wanted. */
export interface GapFilter {
  readonly feed: string;
  /** Only this one, `finnhub-03:1764000000000:silent`. */
  readonly gap: string | null;
  /** Only gaps that begin at or after this, and before that. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

/** What a backfill works with. */
export interface BackfillDeps {
  readonly kafka: Kafka;
  readonly producer: Pick<EventProducer, 'send'>;
  readonly topics: Readonly<Record<'raw' | 'redriven', string>>;
  /** As transform has it. */
  readonly horizonMs: number;
  /** As ingest has it. */
  readonly shardCount: number;
  readonly maxTrades: number;
  /** Where trades are looked for, once it is known what is asked for. */
  readonly openHistory: (
    format: FormatName | undefined,
    questions: readonly HistoryQuestion[],
  ) => Promise<History>;
  readonly wallMs: () => number;
  readonly onProgress: (text: string) => void;
}

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

/** What a backfill did, or would do. */
export interface BackfillOutcome {
  readonly gaps: readonly GapOutcome[];
  /** Batches that an earlier run had begun, and this one has sent. */
  readonly finished: number;
}

const READER = { name: 'kandle-backfill' };
/** Records of one batch; ingest makes batches of the same size. */
const MAX_RECORDS = 400;
/** Half of what aggregate's `EXPIRY_MS` is. */
const MAX_AGE_MS = 7 * 86_400_000;
/** How often it begins anew where another run was faster. */
const MAX_TRIES = 5;
/** Most trades planned in one run: what is in the ledger is in memory too. */
const MAX_PLANNED = 200_000;

/**
 * Looks for the trades of a feed's gaps elsewhere, and brings those that are not counted yet.
 *
 * A gap is taken once no live trade of it can come any more: everything that is sent before it is older than
 * the horizon is too late from then on. So what the log counts of it stays as it is, and what the history has
 * beyond that is missing. What is brought goes through the ledger first: killed at any moment, the next run
 * ends where this one would have.
 *
 * @throws {FatalError} If the history refuses us or the settings do not fit the log; {RetryableError} if Kafka
 * or   the history is away.
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
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const plan = await makePlan(deps, filter, chain);
    if (isDryRun) return { gaps: plan.gaps.map(({ outcome }) => outcome), finished: 0 };
    await writePlan(deps, plan.batches, chain);
    const after = plan.batches.length === 0 ? chain : await readChain(deps);
    const won = new Set(after.batches().map(({ id }) => id));
    if (plan.batches.every(({ batch }) => won.has(entryId(batch)))) {
      await sendBatches(deps, plan.batches);
      await tellGaps(deps, plan.gaps, after);
      return { gaps: plan.gaps.map(({ outcome }) => outcome), finished: unsent.length };
    }
    deps.onProgress('Another backfill was faster: looking again.');
    chain = after;
    await sendBatches(deps, unsentOf(chain, deps.wallMs()));
  }
  throw new RetryableError('Cannot backfill: others bring trades of the same shards all the time');
}

interface PlannedGap {
  readonly known: KnownGap;
  readonly outcome: GapOutcome;
  /** Null if nothing is told of it now. */
  readonly report: Pick<GapBackfill, 'source' | 'left' | 'note'> | null;
}

interface Plan {
  readonly gaps: readonly PlannedGap[];
  readonly batches: readonly Pick<PlannedBatch, 'gap' | 'batch'>[];
}

async function makePlan(deps: BackfillDeps, filter: GapFilter, chain: Chain): Promise<Plan> {
  deps.onProgress('Reading the gaps of the log …');
  const facts = await readFacts(deps.kafka, deps.topics.raw);
  const wanted = facts.gaps.filter((known) => isWanted(known, filter));
  const gaps: PlannedGap[] = [];
  const ready: KnownGap[] = [];
  for (const known of wanted) {
    const hindrance = hindranceOf(known, facts, deps.horizonMs);
    if (hindrance === null) ready.push(known);
    else gaps.push(hindered(known, hindrance));
  }
  if (ready.length === 0) return { gaps, batches: [] };
  deps.onProgress(`Reading what is counted of ${ready.length} gaps …`);
  const { horizonMs, maxTrades } = deps;
  const counted = await readCountedGaps(deps.kafka, deps.topics.raw, {
    gaps: ready,
    facts,
    horizonMs,
    maxTrades,
  });
  checkShards(counted, filter.feed, deps.shardCount);
  const questions = ready.map((known) => questionOf(known, counted.get(known.name)));
  const history = await deps.openHistory(formatOf(counted), questions);

  const batches: Plan['batches'][number][] = [];
  const planned = new Map<string, Trade[]>();
  const sequences = new Map<string, number>();
  const run = randomUUID();
  const epoch = Math.max(deps.wallMs(), ...chain.batches().map(({ batch }) => batch.epoch + 1));
  let total = 0;
  for (const [index, known] of ready.entries()) {
    const { name, gap } = known;
    const of = counted.get(name);
    const question = questions[index];
    if (of === undefined || question === undefined) continue;
    if (total >= MAX_PLANNED) {
      gaps.push(
        hindered(known, {
          state: 'waiting',
          note: `${MAX_PLANNED} trades are enough for one run: run it again`,
        }),
      );
      continue;
    }
    deps.onProgress(`Asking for ${describeGap(known)} (${index + 1} of ${ready.length}) …`);
    const answer = await history.read(question);
    // Of two gaps that overlap, the second finds what is planned for the first.
    const others = (planned.get(gap.shard) ?? []).filter(
      ({ eventTimeMs }) => eventTimeMs >= gap.fromMs && eventTimeMs <= gap.toMs,
    );
    const {
      records,
      trades,
      known: countedBefore,
    } = missingTrades({
      shard: gap.shard,
      history: answer.records,
      counted: [...of.trades, ...others],
      format: of.format,
      rules: of.rules,
    });
    planned.set(gap.shard, [...(planned.get(gap.shard) ?? []), ...trades]);
    total += records.length;
    for (const part of partsOf(records, MAX_RECORDS)) {
      const sequence = (sequences.get(gap.shard) ?? 0) + 1;
      sequences.set(gap.shard, sequence);
      const { shard } = gap;
      const marks = { backfilled: history.source, run, format: of.format, rules: of.rules };
      const batch: LedgerBatch = {
        shard,
        epoch,
        sequence,
        ingestTimeMs: epoch,
        ...marks,
        records: [...part],
      };
      batches.push({ gap: name, batch });
    }
    const before = known.report?.left ?? [{ symbol: ALL_SYMBOLS, fromMs: gap.fromMs, toMs: gap.toMs }];
    const left = shortened(leftAfter(bySymbol(before, of.symbols), answer.covered));
    const isUnknown = of.symbols.size === 0;
    const note = isUnknown ? 'the log knows no symbol of the shard' : answer.note;
    const report = {
      source: history.source,
      left: isUnknown ? before : left,
      note: left.length === 0 ? '' : note.slice(0, MAX_NOTE),
    };
    const state = stateOf(report.left, broughtFor(chain, name) + records.length);
    const outcome = {
      name,
      gap,
      state,
      brought: records.length,
      known: countedBefore,
      note: report.note,
      hasFailed: answer.hasFailed,
    };
    gaps.push({ known, report, outcome });
  }
  return { gaps, batches };
}

function stateOf(left: GapBackfill['left'], trades: number): GapBackfill['state'] {
  if (left.length === 0) return 'filled';
  return trades > 0 ? 'partly' : 'unfilled';
}

/** Batches that were begun and are not sent, but for those so old that no window would take them. */
function unsentOf(chain: Chain, wallMs: number): readonly PlannedBatch[] {
  return chain.batches().filter(({ isSent, batch }) => !isSent && wallMs - batch.ingestTimeMs < MAX_AGE_MS);
}

/** Trades that were brought for a gap so far. */
function broughtFor(chain: Chain, name: string): number {
  return chain
    .batches()
    .filter(({ gap }) => gap === name)
    .reduce((sum, { trades }) => sum + trades, 0);
}

interface Hindrance {
  readonly state: 'waiting' | 'unfilled';
  readonly note: string;
}

function hindered(known: KnownGap, { state, note }: Hindrance): PlannedGap {
  const { name, gap } = known;
  const left = known.report?.left ?? [{ symbol: ALL_SYMBOLS, fromMs: gap.fromMs, toMs: gap.toMs }];
  const report = state === 'waiting' ? null : { source: known.report?.source ?? 'log', left, note };
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

async function readChain({ kafka, topics }: BackfillDeps): Promise<Chain> {
  const chain = createChain();
  await readTopic(kafka, topics.redriven, READER, (_, messages) => {
    for (const { value } of messages) chain.take(String(value));
  });
  return chain;
}

/** Puts the batches into the ledger, each behind the one before it of its shard. */
async function writePlan(deps: BackfillDeps, batches: Plan['batches'], chain: Chain): Promise<void> {
  const last = new Map<string, string>();
  const { redriven: topic, raw } = deps.topics;
  await withProducer(deps.kafka, async (send) => {
    for (const planned of batches) {
      const { shard } = planned.batch;
      const previous = last.get(shard) ?? chain.lastOf(shard);
      await send(topic, formatPlan(planned, { previous, topic: raw, wallMs: deps.wallMs() }));
      last.set(shard, entryId(planned.batch));
    }
  });
}

/** Sends batches that stand in the ledger, and says so there. */
async function sendBatches(
  deps: BackfillDeps,
  batches: readonly Pick<PlannedBatch, 'batch'>[],
): Promise<void> {
  if (batches.length === 0) return;
  const { redriven: topic, raw } = deps.topics;
  let done = 0;
  await withProducer(deps.kafka, async (send) => {
    for (const { batch } of batches) {
      await deps.producer.send(raw, [eventOf(batch)]);
      await send(topic, formatSent(batch, { topic: raw, wallMs: deps.wallMs() }));
      done += 1;
      if (done % PROGRESS_EVERY === 0 || done === batches.length)
        deps.onProgress(`  ${done} of ${batches.length} batches sent`);
    }
  });
}

const PROGRESS_EVERY = 25;

/** Tells of each gap what became of it, unless that is what was told last. */
async function tellGaps(deps: BackfillDeps, gaps: readonly PlannedGap[], chain: Chain): Promise<void> {
  for (const { known, report } of gaps) {
    if (report === null) continue;
    const trades = broughtFor(chain, known.name);
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

type Send = (topic: string, message: ReturnType<typeof formatSent>) => Promise<void>;

/** A producer of the ledger's plain records. */
async function withProducer(kafka: Kafka, work: (send: Send) => Promise<void>): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  try {
    await producer.connect();
    await work(async (topic, message) => {
      await producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages: [message] });
    });
  } catch (error) {
    if (error instanceof FatalError || error instanceof RetryableError) throw error;
    throw new RetryableError(`Cannot write the ledger: ${describeError(error)}`, { cause: error });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}
