import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import { createEventProducer } from '@kandle/runtime/event-producer';
import type { Client } from 'cassandra-driver';
import type { Admin } from 'kafkajs';
import { auditPartition } from './audit-partition.ts';
import { auditRest } from './audit-rest.ts';
import { BEYOND_LOG } from './compare/compare-window.ts';
import { createDifferences } from './compare/differences.ts';
import { createDoubts } from './compare/doubts.ts';
import { createLookedAt } from './compare/looked-at.ts';
import { openArchive } from './read/archive.ts';
import { type Flow, waitForConsumers } from './read/consumers.ts';
import { createDeadLetters } from './read/dead-letters.ts';
import { readLogIndex } from './read/log-index.ts';
import { createRedriven } from './read/redriven.ts';
import { createRefusals } from './read/refusals.ts';
import { createStored } from './read/stored.ts';
import { asJson, type AvroReader } from './read/avro-data.ts';
import { createTopicReader, type Kafka, offsetRangesOf, readWholeTopic } from './read/topic-reader.ts';
import { createWindowIndex } from './read/window-index.ts';
import type { ShardLog } from './recompute/raw-log.ts';
import type { RecomputedWindow } from './recompute/recomputed.ts';
import { planRepair, type RepairStep } from './repair/plan-repair.ts';
import { planUndo } from './repair/plan-undo.ts';
import { newestRepair, openRepairLog, readRepair } from './repair/repair-log.ts';
import { describeRepair, repair } from './repair/repair.ts';
import type { RepairSummary } from './repair/summary.ts';
import { createViewRows } from './repair/view-rows.ts';
import { writeWindow } from './repair/write-window.ts';
import { recordAudit } from './report/record.ts';
import { refusedOf } from './report/refused.ts';
import { type AuditReport, reportOf } from './report/report.ts';
import type { Run } from './run.ts';
import { readTail } from './tail.ts';
import { feedOf, isInScope, type Scope } from './values/scope.ts';

/** What is audited, and how. */
export interface AuditOptions extends Partial<Scope> {
  readonly kafka: Kafka;
  /** Connected to the keyspace that is audited. */
  readonly client: Client;
  readonly flow: Flow;
  /** Reads events that are Avro; null where all is JSON. */
  readonly avro?: AvroReader | null;
  /** How a repair writes candles; JSON without it. */
  readonly avroEvents?: AvroEvents | null;
  /** As transform and aggregate have them. */
  readonly horizonMs: number;
  readonly graceMs: number;
  /** How long the functions may take to reach the end of the log as it was at the start. */
  readonly waitMs?: number;
  /** An archive of the raw topic, for what Kafka no longer has of it. */
  readonly archiveFolder?: string | null;
  /** Most trades of one partition held in memory, about 250 bytes each. */
  readonly maxHeldTrades?: number;
  /** Puts right what differs, only says how, or asks `confirm` in between. */
  readonly repair?: 'no' | 'dry-run' | 'ask' | 'yes';
  /** Whether what was planned is to be done. */
  readonly confirm?: (planned: RepairSummary) => Promise<boolean>;
  /** How many of a million trades may be refused as too late or too far ahead. */
  readonly maxRefusedPpm?: number;
  /** Writes the outcome into the table `audits`. */
  readonly isRecorded?: boolean;
  /** Most differences kept in detail. */
  readonly maxFindings?: number;
  /** Is told what was recomputed of each window; the same again where it was looked at twice. */
  readonly onWindow?: (window: RecomputedWindow) => void;
  /** What is being done, for people who wait. */
  readonly onProgress?: (line: string) => void;
}

const DEFAULT_WAIT_MS = 30_000;
const DEFAULT_MAX_HELD = 4_000_000;
const DEFAULT_MAX_FINDINGS = 10_000;
const DEFAULT_MAX_REFUSED_PPM = 1_000;

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

async function auditWith(admin: Admin, options: AuditOptions): Promise<AuditReport> {
  const { flow, kafka, client, onProgress = () => undefined } = options;
  const scope: Scope = {
    feed: options.feed ?? null,
    sinceMs: options.sinceMs ?? null,
    untilMs: options.untilMs ?? null,
  };
  const startedAtMs = Date.now();
  const differences = createDifferences();
  const inKafka = await offsetRangesOf(admin, flow.rawTopic);
  const folder = options.archiveFolder ?? null;
  const archive = folder === null ? null : openArchive(folder, flow.rawTopic);
  const ranges = archive?.extend(inKafka) ?? inKafka;
  // In this order: what was sent again is waited for, and what was given up again lies among the letters.
  const redriven = createRedriven();
  await readWholeTopic(kafka, flow.redrivenTopic, await offsetRangesOf(admin, flow.redrivenTopic), (entry) =>
    redriven.add(entry),
  );
  onProgress('Waiting until the functions have taken what the log holds …');
  const reached = await waitForConsumers(admin, flow, options.waitMs ?? DEFAULT_WAIT_MS);
  const dead = createDeadLetters(redriven);
  await readWholeTopic(kafka, flow.deadTopic, await offsetRangesOf(admin, flow.deadTopic), (event) =>
    dead.add(event),
  );
  const refusals = createRefusals(scope);
  await readWholeTopic(kafka, flow.rejectsTopic, await offsetRangesOf(admin, flow.rejectsTopic), (event) =>
    refusals.take(event),
  );
  const isWanted = (shard: string, windowStartMs: number): boolean =>
    isInScope(scope, feedOf(shard), windowStartMs);
  const kafkaReader = createTopicReader(kafka, flow.rawTopic);
  const { avro = null } = options;
  const reader = asJson(archive?.before(kafkaReader, inKafka) ?? kafkaReader, avro);
  const candleReader = asJson(createTopicReader(kafka, flow.candlesTopic), avro);
  const shards = new Map<string, ShardLog>();
  try {
    onProgress(`Looking where the shards are in ${flow.rawTopic} …`);
    const run: Run = {
      flow,
      scope,
      horizonMs: options.horizonMs,
      graceMs: options.graceMs,
      maxHeldTrades: options.maxHeldTrades ?? DEFAULT_MAX_HELD,
      logIndex: await readLogIndex(reader, ranges),
      hasLostRecords: ranges.some(({ from }) => from > 0),
      stored: createStored(client),
      dead,
      reached,
      index: await createWindowIndex(client, isWanted),
      lookedAt: createLookedAt(),
      differences,
      doubts: createDoubts(() => shards.keys()),
      isWanted,
      onWindow: options.onWindow ?? (() => undefined),
      shards,
      gaps: [],
    };
    const candleRanges = await offsetRangesOf(admin, flow.candlesTopic);
    for (const range of ranges) {
      if (range.from >= range.to) continue;
      onProgress(`Partition ${range.partition} of ${flow.rawTopic}: ${range.to - range.from} records …`);
      await auditPartition(
        run,
        { reader, range },
        {
          reader: candleReader,
          ranges: candleRanges,
          isSplitAlike: candleRanges.length === ranges.length,
        },
      );
    }
    onProgress('Rows that the log says nothing of …');
    const tail = readTail(run, reader, ranges, () => offsetRangesOf(admin, flow.rawTopic));
    await auditRest(run, tail);
    if (differences.count() > 0) differences.excuse((await tail()).hasMovedOn);
    for (const { shard, what } of differences.findings())
      if (shard !== null && what.startsWith(BEYOND_LOG))
        run.doubts.add(shard, `its windows name ${BEYOND_LOG}`);
    const repaired = await repairIfAsked(options, run);
    const finished = reportOf({
      scope,
      startedAtMs,
      finishedAtMs: Date.now(),
      maxFindings: options.maxFindings ?? DEFAULT_MAX_FINDINGS,
      differences,
      dead,
      refused: refusedOf(
        refusals.byReason(),
        differences.read(),
        options.maxRefusedPpm ?? DEFAULT_MAX_REFUSED_PPM,
      ),
      repair: repaired,
    });
    if (options.isRecorded === true) {
      // The outcome is worth more than its record: an old schema has no table for it.
      await recordAudit(client, finished).catch((error: unknown) => onProgress(describeError(error)));
    }
    return finished;
  } finally {
    await Promise.all([reader.close(), candleReader.close()]);
  }
}

/** Shows what a repair would do; does it, if that was asked for. */
async function repairIfAsked(options: AuditOptions, run: Run): Promise<RepairSummary | null> {
  const { repair: wish = 'no', confirm, onProgress = () => undefined } = options;
  if (wish === 'no' || run.differences.count() === 0) return null;
  const steps = await planRepair(
    run.differences.wrongs(),
    run.stored,
    run.doubts,
    (shard) => run.shards.get(shard)?.isSampled === true,
  );
  if (wish !== 'yes') {
    const planned = describeRepair(steps, onProgress);
    if (wish === 'dry-run' || confirm === undefined || !(await confirm(planned))) return planned;
  }
  return applySteps(options, steps);
}

/** Does the steps of a repair, or of its undoing, and keeps the record of it. */
async function applySteps(
  {
    client,
    kafka,
    flow,
    avroEvents = null,
    onProgress = () => undefined,
  }: Pick<AuditOptions, 'client' | 'kafka' | 'flow' | 'avroEvents' | 'onProgress'>,
  steps: readonly RepairStep[],
): Promise<RepairSummary> {
  const producer = createEventProducer(kafka, avroEvents);
  try {
    return await repair(
      {
        views: createViewRows(client),
        writeWindow: (plan) => writeWindow(client, plan),
        producer,
        candlesTopic: flow.candlesTopic,
        log: openRepairLog(client, new Date().toISOString()),
        wallMs: Date.now,
        onProgress,
      },
      steps,
    );
  } finally {
    await producer.close();
  }
}

/** Which repair is undone, and how. */
export type UndoOptions = Pick<
  AuditOptions,
  'client' | 'kafka' | 'flow' | 'avroEvents' | 'repair' | 'confirm' | 'onProgress'
> & {
  /** Its name; `last` for the newest. */
  readonly name: string;
};

/**
 * Makes everything that a repair changed as it was before, as far as it has not changed since.
 *
 * @throws {RetryableError} If there is no such repair, or Kafka or Cassandra is not to be had.
 */
export async function undoRepair(options: UndoOptions): Promise<RepairSummary> {
  const { client, repair: wish = 'dry-run', confirm, onProgress = () => undefined } = options;
  const name = options.name === 'last' ? await newestRepair(client) : options.name;
  const changes = name === null ? [] : await readRepair(client, name);
  if (changes.length === 0)
    throw new RetryableError(`Cannot undo: there is no record of a repair ${name ?? ''}`);
  const steps = await planUndo(changes, createStored(client));
  if (wish !== 'yes') {
    const planned = describeRepair(steps, onProgress);
    if (wish !== 'ask' || confirm === undefined || !(await confirm(planned))) return planned;
  }
  return applySteps(options, steps);
}
