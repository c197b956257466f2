import { describeError, RetryableError } from '@kandle/runtime/errors';
import { createEventProducer } from '@kandle/runtime/event-producer';
import type { Client } from 'cassandra-driver';
import type { Admin } from 'kafkajs';
import { auditPartition } from './audit-partition.ts';
import { auditRest } from './audit-rest.ts';
import { type Flow, waitForConsumers } from './consumers.ts';
import { createDeadLetters } from './dead-letters.ts';
import { createLookedAt } from './looked-at.ts';
import { readTail } from './tail.ts';
import { type AuditReport, createReport } from './report.ts';
import { recordAudit } from './record.ts';
import { repair, type RepairSummary } from './repair.ts';
import type { Run } from './run.ts';
import { isInScope, feedOf, type Scope } from './scope.ts';
import { createStored } from './stored.ts';
import { createTopicReader, type Kafka, readWholeTopic, stretchesOf } from './topic-reader.ts';
import { createWindowIndex } from './window-index.ts';

/** What is audited, and how. */
export interface AuditOptions extends Partial<Scope> {
  readonly kafka: Kafka;
  /** Connected to the keyspace that is audited. */
  readonly client: Client;
  readonly flow: Flow;
  /** As transform and aggregate have them. */
  readonly horizonMs: number;
  readonly graceMs: number;
  /** How long the functions may take to reach the end of the log as it was at the start. */
  readonly waitMs?: number;
  /** Most trades of one partition held in memory, about 250 bytes each. */
  readonly maxHeldTrades?: number;
  /** Puts right what differs, or only says how. */
  readonly repair?: 'no' | 'dry-run' | 'yes';
  /** Writes the outcome into the table `audits`. */
  readonly isRecorded?: boolean;
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

async function auditWith(admin: Admin, options: AuditOptions): Promise<AuditReport> {
  const { flow, kafka, client, onProgress = () => undefined } = options;
  const scope: Scope = {
    feed: options.feed ?? null,
    sinceMs: options.sinceMs ?? null,
    untilMs: options.untilMs ?? null,
  };
  const report = createReport({
    ...scope,
    startedAtMs: Date.now(),
    maxFindings: options.maxFindings ?? DEFAULT_MAX_FINDINGS,
  });
  const stretches = await stretchesOf(admin, flow.rawTopic);
  onProgress('Waiting until the functions have taken what the log holds …');
  const reached = await waitForConsumers(admin, flow, options.waitMs ?? DEFAULT_WAIT_MS);
  const dead = createDeadLetters();
  await readWholeTopic(kafka, flow.deadTopic, await stretchesOf(admin, flow.deadTopic), (event) =>
    dead.add(event),
  );
  const isWanted = (shard: string, windowStartMs: number): boolean =>
    isInScope(scope, feedOf(shard), windowStartMs);
  const run: Run = {
    kafka,
    client,
    flow,
    scope,
    horizonMs: options.horizonMs,
    graceMs: options.graceMs,
    maxHeldTrades: options.maxHeldTrades ?? DEFAULT_MAX_HELD,
    hasLostRecords: stretches.some(({ from }) => from > 0),
    stored: createStored(client),
    dead,
    reached,
    index: await createWindowIndex(client, isWanted),
    lookedAt: createLookedAt(),
    report,
    isWanted,
    shards: new Map(),
    shardOfSymbol: new Map(),
    gaps: [],
  };
  const candleStretches = await stretchesOf(admin, flow.candlesTopic);
  const reader = createTopicReader(kafka, flow.rawTopic);
  const candleReader = createTopicReader(kafka, flow.candlesTopic);
  try {
    for (const stretch of stretches) {
      if (stretch.from >= stretch.to) continue;
      onProgress(
        `Partition ${stretch.partition} of ${flow.rawTopic}: ${stretch.to - stretch.from} records …`,
      );
      await auditPartition(
        run,
        { reader, stretch },
        {
          reader: candleReader,
          stretches: candleStretches,
          isSplitAlike: candleStretches.length === stretches.length,
        },
      );
    }
    onProgress('Rows that the log says nothing of …');
    const tail = readTail(run, reader, stretches, () => stretchesOf(admin, flow.rawTopic));
    await auditRest(run, tail);
    if (report.differences() > 0) report.excuse((await tail()).hasMovedOn);
  } finally {
    await Promise.all([reader.close(), candleReader.close()]);
  }
  const finished = report.finish(dead, await repairIfAsked(options, run));
  if (options.isRecorded === true) {
    // The outcome is worth more than its record: an old schema has no table for it.
    await recordAudit(client, finished).catch((error: unknown) => onProgress(describeError(error)));
  }
  return finished;
}

async function repairIfAsked(options: AuditOptions, run: Run): Promise<RepairSummary | null> {
  const { repair: wish = 'no', onProgress = () => undefined } = options;
  if (wish === 'no' || run.report.differences() === 0) return null;
  const producer = createEventProducer(options.kafka);
  try {
    return await repair(
      {
        client: options.client,
        stored: run.stored,
        producer,
        candlesTopic: options.flow.candlesTopic,
        isDryRun: wish === 'dry-run',
        nowMs: Date.now,
        onProgress,
      },
      run.report.wrongs(),
    );
  } finally {
    await producer.close();
  }
}
