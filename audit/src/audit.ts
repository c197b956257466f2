import { describeError, RetryableError } from '@kandle/runtime/errors';
import type { Client } from 'cassandra-driver';
import type { Admin } from 'kafkajs';
import { compareStretch, feedOf } from './compare-stretch.ts';
import { type Flow, type Reached, waitForConsumers } from './consumers.ts';
import { createDeadLetters, type DeadLetters } from './dead-letters.ts';
import { createRawLog, type LogStretch, type RawLog, startOf, STRETCH_MS, WINDOW_MS } from './raw-log.ts';
import { type AuditReport, createReport, type Report } from './report.ts';
import { createStored, type Stored } from './stored.ts';
import { createTopicReader, type Kafka, type Stretch } from './topic-reader.ts';
import { createWindowIndex, type WindowIndex } from './window-index.ts';

/** What is audited, and how. */
export interface AuditOptions {
  readonly kafka: Kafka;
  /** Connected to the keyspace that is audited. */
  readonly client: Client;
  readonly flow: Flow;
  readonly deadTopic: string;
  /** As transform and aggregate have them. */
  readonly horizonMs: number;
  readonly graceMs: number;
  /** Only windows that start from here on, and before there; null for no limit. */
  readonly sinceMs?: number | null;
  readonly untilMs?: number | null;
  /** Only this feed's shards. */
  readonly feed?: string | null;
  /** How long the functions may take to reach the end of the log as it was at the start. */
  readonly waitMs?: number;
  /** Most trades of one partition held in memory, about 250 bytes each. */
  readonly maxHeldTrades?: number;
  /** Most differences kept in detail. */
  readonly maxFindings?: number;
  /** What is being done, for people who wait. */
  readonly onProgress?: (line: string) => void;
}

const DEFAULT_WAIT_MS = 30_000;
const DEFAULT_MAX_HELD = 4_000_000;
const DEFAULT_MAX_FINDINGS = 10_000;

/**
 * Recomputes trades and windows from the raw log in the plainest way and compares them with what was stored.
 *
 * @throws {RetryableError} If Kafka or Cassandra is not to be had.
 * @throws {RangeError} If more trades would have to be held than is allowed.
 */
export async function runAudit(options: AuditOptions): Promise<AuditReport> {
  const admin = options.kafka.admin();
  try {
    await admin.connect();
    return await auditWith(admin, options);
  } catch (error) {
    if (error instanceof RetryableError || error instanceof RangeError) throw error;
    throw new RetryableError(`Cannot audit: ${describeError(error)}`, { cause: error });
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** What the steps of one audit share. */
interface Run {
  readonly options: AuditOptions;
  readonly stored: Stored;
  readonly dead: DeadLetters;
  readonly reached: Reached;
  readonly index: WindowIndex;
  readonly report: Report;
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
}

async function auditWith(admin: Admin, options: AuditOptions): Promise<AuditReport> {
  const { flow, kafka, onProgress = () => undefined } = options;
  const report = createReport({
    startedAtMs: Date.now(),
    feed: options.feed ?? null,
    sinceMs: options.sinceMs ?? null,
    untilMs: options.untilMs ?? null,
    maxFindings: options.maxFindings ?? DEFAULT_MAX_FINDINGS,
  });
  const stretches = await stretchesOf(admin, flow.rawTopic);
  onProgress('Waiting until the functions have taken what the log holds …');
  const reached = await waitForConsumers(admin, flow, options.waitMs ?? DEFAULT_WAIT_MS);
  const dead = createDeadLetters();
  await readWhole(kafka, options.deadTopic, await stretchesOf(admin, options.deadTopic), (event) =>
    dead.add(event),
  );
  const stored = createStored(options.client);
  const isWanted = wantedBy(options);
  const index = await createWindowIndex(options.client, isWanted);
  const run: Run = { options, stored, dead, reached, index, report, isWanted };

  const reader = createTopicReader(kafka, flow.rawTopic);
  try {
    for (const stretch of stretches) {
      if (stretch.from >= stretch.to) continue;
      onProgress(
        `Partition ${stretch.partition} of ${flow.rawTopic}: ${stretch.to - stretch.from} records …`,
      );
      await auditPartition(run, reader, stretch);
    }
    await auditUnknownWindows(run);
    await excuseWhatMovedOn(run, reader, admin, stretches);
  } finally {
    await reader.close();
  }
  return report.finish(dead);
}

/** The rules of `--feed`, `--since` and `--until`. */
function wantedBy({ feed, sinceMs, untilMs }: AuditOptions): Run['isWanted'] {
  const from = sinceMs ?? Number.NEGATIVE_INFINITY;
  const to = untilMs ?? Number.POSITIVE_INFINITY;
  return (shard, windowStartMs) =>
    windowStartMs >= from &&
    windowStartMs < to &&
    (feed === null || feed === undefined || feedOf(shard) === feed);
}

type Reader = ReturnType<typeof createTopicReader>;

async function auditPartition(run: Run, reader: Reader, stretch: Stretch): Promise<void> {
  const log = logOf(run, run.isWanted);
  await reader.read(stretch, (event) => log.take(event));
  await log.finish();
  run.report.addLog(log);
  for (const shard of log.shards.values()) {
    // Windows of the table in times of which the log has no trade at all.
    for (const startMs of run.index.stretchesOf(shard.shard)) {
      if (!shard.compared.has(startMs)) await compare(run, { log: shard, startMs, windows: new Map() });
    }
    run.index.forget(shard.shard);
  }
  if (log.touchedAgain.size === 0) return;
  // Rare: a raw batch was redriven after its retention, or a watermark went back. Only those windows, all at the end.
  const again = logOf(
    run,
    (shard, windowStartMs) =>
      run.isWanted(shard, windowStartMs) &&
      log.touchedAgain.has(`${shard}|${startOf(windowStartMs, STRETCH_MS)}`),
    'at the end',
  );
  await reader.read(stretch, (event) => again.take(event));
  await again.finish();
}

function logOf(
  run: Run,
  isWanted: Run['isWanted'],
  release: 'as time goes on' | 'at the end' = 'as time goes on',
): RawLog {
  return createRawLog({
    horizonMs: run.options.horizonMs,
    maxHeldTrades: run.options.maxHeldTrades ?? DEFAULT_MAX_HELD,
    release,
    isWanted,
    onStretch: (stretch) => compare(run, stretch),
  });
}

async function compare(run: Run, stretch: LogStretch): Promise<void> {
  const { stored, dead, reached, index, report, isWanted, options } = run;
  const compared = await compareStretch(
    { stored, dead, reached, isWanted, graceMs: options.graceMs, windowsIn: index.windowsIn },
    stretch,
  );
  report.addStretch(stretch.log.shard, stretch.startMs, compared.tally);
}

/** Windows of shards that the log does not know at all. */
async function auditUnknownWindows({ index, report, stored }: Run): Promise<void> {
  for (const shard of index.shards()) {
    for (const startMs of index.stretchesOf(shard)) {
      for (const windowStartMs of index.windowsIn(shard, startMs, startMs + STRETCH_MS)) {
        const window = await stored.window(shard, windowStartMs);
        if (window === null || (window.applied === '' && window.rows.size === 0)) continue;
        report.addUnknownWindow(shard, startMs, windowStartMs, window);
      }
    }
  }
}

/**
 * Reads what came into the log meanwhile. Whatever was stored later than the log was read came from there, so that a
 * window which it touches is no difference but work in progress.
 */
async function excuseWhatMovedOn(
  run: Run,
  reader: Reader,
  admin: Admin,
  before: readonly Stretch[],
): Promise<void> {
  if (run.report.differences() === 0) return;
  const froms = new Map(before.map(({ partition, to }) => [partition, to]));
  for (const { partition, to } of await stretchesOf(admin, run.options.flow.rawTopic)) {
    const touched = new Set<string>();
    const log = createRawLog({
      horizonMs: run.options.horizonMs,
      maxHeldTrades: Number.POSITIVE_INFINITY,
      release: 'at the end',
      isWanted(shard, windowStartMs) {
        touched.add(`${shard}|${windowStartMs}`);
        return false;
      },
      onStretch: () => Promise.resolve(),
    });
    await reader.read({ partition, from: froms.get(partition) ?? 0, to }, (event) => log.take(event));
    run.report.excuse((shard, windowStartMs) => touched.has(`${shard}|${startOf(windowStartMs, WINDOW_MS)}`));
  }
}

async function stretchesOf(admin: Admin, topic: string): Promise<readonly Stretch[]> {
  return (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
    partition,
    from: Number(low),
    to: Number(high),
  }));
}

async function readWhole(
  kafka: Kafka,
  topic: string,
  stretches: readonly Stretch[],
  take: (event: Parameters<DeadLetters['add']>[0]) => void,
): Promise<void> {
  const reader = createTopicReader(kafka, topic);
  try {
    for (const stretch of stretches) {
      await reader.read(stretch, (event) => {
        take(event);
        return undefined;
      });
    }
  } finally {
    await reader.close();
  }
}
