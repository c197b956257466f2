import { compareStretch } from './compare/compare-stretch.ts';
import { type CandleLog, createCandleLog } from './read/candle-log.ts';
import { shardOf } from './read/log-index.ts';
import { readBatchName, type TopicEvent } from './read/raw-batch.ts';
import type { OffsetRange, TopicReader } from './read/topic-reader.ts';
import { touchesWindow } from './recompute/gaps.ts';
import { createRawLog, isBeforeLog, type LogStretch, type RawLog } from './recompute/raw-log.ts';
import type { Run } from './run.ts';
import { startOf, STRETCH_MS } from './values/periods.ts';
import { type BatchName, isBefore } from './values/sequences.ts';
import { createTally } from './values/tally.ts';

/** A partition of the raw topic, as it was at the start. */
export interface RawPartition {
  readonly reader: TopicReader;
  readonly range: OffsetRange;
}

/** The topic of candles, as it was when the functions had taken the raw topic. */
export interface CandleTopic {
  readonly reader: TopicReader;
  readonly ranges: readonly OffsetRange[];
  /** It has as many partitions as the raw topic, so that a shard has the same number in both. */
  readonly isSplitAlike: boolean;
}

/**
 * Compares the windows of the shards at home in a partition of the raw topic with everything that was stored of
 * them. What strayed into other partitions is taken where its number has its place.
 */
export async function auditPartition(run: Run, raw: RawPartition, candles: CandleTopic): Promise<void> {
  const candleLog = await readCandles(run, candles, raw.range.partition);
  const incomplete = new Map<string, Map<number, boolean>>();
  const compare = async (stretch: LogStretch): Promise<void> => {
    if (await compareInto(run, candleLog, stretch, incomplete))
      log.lookAgain(stretch.log.shard, stretch.startMs);
  };
  const log: RawLog = logOf(run, {
    release: 'as time goes on',
    isWanted: run.isWanted,
    compare,
  });
  await readInto(run, raw, log);
  await compareRest(run, log, candleLog, compare);
  if (log.again.size > 0) {
    // A raw batch was redriven after its first copy had expired, refused trades were, a watermark went back, or
    // a window names a batch that had not been read yet. Those stretches again, all at the end.
    const isTouched = (shard: string, windowStartMs: number): boolean =>
      run.isWanted(shard, windowStartMs) && log.again.has(`${shard}|${startOf(windowStartMs, STRETCH_MS)}`);
    const candlesAgain = await readCandles(run, candles, raw.range.partition);
    const second = logOf(run, {
      release: 'at the end',
      isWanted: isTouched,
      compare: async (stretch) => {
        await compareInto(run, candlesAgain, stretch, incomplete);
      },
    });
    await readInto(run, raw, second);
  }
  for (const [shard, shardLog] of log.shards) {
    run.shards.set(shard, shardLog);
    run.index.forget(shard);
  }
  run.gaps.push(...log.gaps);
  run.differences.addLog(log);
  checkLog(run, log);
  checkGaps(run, log, incomplete);
}

interface LogSetUp {
  readonly release: 'as time goes on' | 'at the end';
  readonly isWanted: Run['isWanted'];
  readonly compare: (stretch: LogStretch) => Promise<void>;
}

function logOf(run: Run, { release, isWanted, compare }: LogSetUp): RawLog {
  return createRawLog({
    horizonMs: run.horizonMs,
    placeOf: (shard) => run.logIndex.places.get(shard),
    maxHeldTrades: run.maxHeldTrades,
    release,
    isWanted,
    isDead: (shard, batch) => run.dead.isWaiting(shard, batch, ['transform', 'aggregate']),
    onStretch: compare,
  });
}

/**
 * Reads what belongs to the shards at home in a partition, in order: strays before the batch that they precede.
 */
async function readInto({ logIndex }: Run, { reader, range }: RawPartition, log: RawLog): Promise<void> {
  const strays = [...(logIndex.strays.get(range.partition) ?? [])];
  async function takeStrays(isDue: (stray: TopicEvent) => boolean): Promise<void> {
    for (const stray of strays.filter(isDue)) {
      strays.splice(strays.indexOf(stray), 1);
      await log.take(stray);
    }
  }
  await reader.read(range, (event) => {
    const shard = shardOf(event);
    if (shard !== null && logIndex.places.get(shard)?.home !== range.partition) return undefined;
    if (strays.length === 0) return log.take(event);
    const name = readBatchName(event);
    return takeStrays((stray) => shardOf(stray) === shard && precedes(readBatchName(stray), name)).then(() =>
      log.take(event),
    );
  });
  await takeStrays(() => true);
  await log.finish();
}

/** Gaps have no number, and come first. */
function precedes(stray: BatchName | null, batch: BatchName | null): boolean {
  return batch !== null && (stray === null || isBefore(stray, batch));
}

/** @returns True if the stretch should be compared again when the log was read to its end. */
async function compareInto(
  run: Run,
  candleLog: CandleLog,
  stretch: LogStretch,
  incomplete: Map<string, Map<number, boolean>>,
): Promise<boolean> {
  const { shard } = stretch.log;
  const compared = await compareStretch({ ...run, candleLog, windowsIn: run.index.windowsIn }, stretch);
  run.differences.addStretch(shard, stretch.startMs, compared);
  const ofShard = incomplete.get(shard) ?? new Map<number, boolean>();
  incomplete.set(shard, ofShard);
  for (const [windowStartMs, isIncomplete] of compared.judged) ofShard.set(windowStartMs, isIncomplete);
  if ((compared.tally.counts().get('windows')?.skipped['missing in the log'] ?? 0) > 0)
    run.doubts.add(shard, 'its windows name batches from before the log');
  run.lookedAt.add(shard, stretch.startMs, compared.symbols);
  return compared.isUnsure;
}

/** Stretches in which the log has no trade at all, but the table has windows, or the topic has candles. */
async function compareRest(
  run: Run,
  log: RawLog,
  candleLog: CandleLog,
  compare: LogSetUp['compare'],
): Promise<void> {
  const wanted = new Map<string, Set<number>>();
  const want = (shard: string, startMs: number): void => {
    const starts = wanted.get(shard) ?? new Set<number>();
    wanted.set(shard, starts.add(startMs));
  };
  for (const shard of log.shards.keys())
    for (const startMs of run.index.stretchesOf(shard)) want(shard, startMs);
  for (const { shard, windowStartMs } of candleLog.rest()) {
    if (run.isWanted(shard, windowStartMs)) want(shard, startOf(windowStartMs, STRETCH_MS));
  }
  for (const [name, starts] of wanted) {
    const shard = log.shards.get(name);
    if (shard === undefined) continue;
    for (const startMs of [...starts].toSorted((a, b) => a - b)) {
      if (!shard.compared.has(startMs)) await compare({ log: shard, startMs, windows: new Map() });
    }
  }
}

/** A candle takes the memory of two trades. */
const TRADES_PER_CANDLE = 2;

/** The newest candles of the shards of a raw partition; of all shards, where the topics are not split alike. */
async function readCandles(
  { isWanted, maxHeldTrades, logIndex }: Run,
  { reader, ranges, isSplitAlike }: CandleTopic,
  partition: number,
): Promise<CandleLog> {
  const partitions = new Set([
    partition,
    ...[...logIndex.places.values()]
      .filter(({ home }) => home === partition)
      .flatMap((place) => place.partitions),
  ]);
  const wanted = ranges.filter((range) => !isSplitAlike || partitions.has(range.partition));
  const candleLog = createCandleLog({
    hasLostRecords: wanted.some(({ from }) => from > 0),
    isWanted,
    maxHeld: maxHeldTrades / TRADES_PER_CANDLE,
  });
  for (const range of wanted) {
    await reader.read(range, (event) => {
      candleLog.take(event);
      return undefined;
    });
  }
  return candleLog;
}

/** Sequences count from 1 without a hole, and one batch has one content. */
function checkLog({ differences, doubts }: Run, log: RawLog): void {
  for (const [shard, { batches, first, cut, partitions, strays }] of log.shards) {
    const tally = createTally();
    const place = { subject: 'market.raw.v1', shard, windowStartMs: null, symbol: null } as const;
    for (const [epoch, sequences] of batches) {
      tally.check('market.raw.v1', sequences.size);
      const from = cut === 'cut by retention' && epoch === first.epoch ? first.sequence : 1;
      const holes = holesIn(sequences, from);
      if (holes.length > 0) doubts.add(shard, `batches of epoch ${epoch} are missing in the log`);
      if (holes.length > 0)
        tally.find({
          ...place,
          kind: 'missing',
          count: holes.length,
          what: `batches of epoch ${epoch}: ${holes.slice(0, 10).join(', ')}`,
          expected: 'every sequence',
          found: `${holes.length} missing in ${partitions.length === 1 ? 'partition' : 'partitions'} ${partitions.join(', ')}`,
        });
    }
    if (strays.length > 0)
      doubts.add(shard, `it is in partitions ${partitions.join(', ')}, and not all of it in one`);
    for (const batch of log.contradictions.filter((each) => each.shard === shard)) {
      doubts.add(shard, 'a batch has two contents in the log');
      tally.find({
        ...place,
        kind: 'different',
        what: `batch ${batch.epoch}:${batch.sequence}`,
        expected: 'the same content whenever it is sent',
        found: 'two contents',
      });
    }
    differences.addPart(`log|${shard}`, tally);
  }
}

function holesIn(sequences: ReadonlyMap<number, unknown>, from: number): readonly number[] {
  const sorted = [...sequences.keys()].toSorted((a, b) => a - b);
  const last = sorted.at(-1) ?? 0;
  const holes: number[] = [];
  for (let sequence = from; sequence < last && holes.length < 1_000; sequence++)
    if (!sequences.has(sequence)) holes.push(sequence);
  return holes;
}

/** A window is incomplete if, and only if, a gap touches it. */
function checkGaps(
  { differences, dead, reached }: Run,
  log: RawLog,
  judged: ReadonlyMap<string, ReadonlyMap<number, boolean>>,
): void {
  for (const [shard, windows] of judged) {
    const shardLog = log.shards.get(shard);
    if (shardLog === undefined) continue;
    const gaps = log.gaps.filter((gap) => gap.shard === shard);
    const tally = createTally();
    for (const [windowStartMs, isIncomplete] of windows) {
      const touching = gaps.filter((gap) => touchesWindow(gap, windowStartMs));
      if (touching.length > 0 === isIncomplete) continue;
      if (isIncomplete && isBeforeLog(shardLog, windowStartMs))
        tally.skip('windows', shardLog.cut ?? 'cut by retention');
      else if (
        touching.length > 0 &&
        touching.every(({ id }) => dead.isMissed(id, ['transform', 'aggregate']))
      )
        tally.skip('windows', 'dead letter not redriven');
      else if (!reached.windows(shardLog.partitions)) tally.skip('windows', 'not reached yet');
      else {
        differences.addIncomplete({ shard, windowStartMs, isIncomplete: !isIncomplete });
        tally.find({
          subject: 'windows',
          kind: 'different',
          shard,
          windowStartMs,
          symbol: null,
          what: 'complete',
          expected: isIncomplete
            ? 'complete: no gap touches it'
            : `incomplete: ${touching.map(({ reason, fromMs, toMs }) => `${reason} ${fromMs} to ${toMs}`).join(', ')}`,
          found: isIncomplete ? 'incomplete' : 'complete',
        });
      }
    }
    differences.addPart(`gaps|${shard}`, tally);
  }
}
