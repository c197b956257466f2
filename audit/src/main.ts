import { writeFileSync } from 'node:fs';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import type { Env } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { createKafka } from '@kandle/runtime/kafka';
import { createAvroReader } from './read/avro-data.ts';
import { createLogger } from '@kandle/runtime/log';
import { type AuditOptions, runAudit, undoRepair } from './audit.ts';
import { type AuditConfig, readConfig } from './config.ts';
import { type CliOptions, HELP, parseCliOptions } from './options.ts';
import type { RepairSummary } from './repair/summary.ts';
import type { AuditReport } from './report/report.ts';
import { showRepair, showReport } from './report/show-report.ts';

/** Where text goes: the result, and what is being done. */
export interface Output {
  readonly print: (text: string) => void;
  readonly progress: (text: string) => void;
  /** Asks somebody at a terminal; null, or absent, if there is nobody. */
  readonly ask?: ((question: string) => Promise<boolean>) | null;
}

/**
 * 0 everything agrees, 1 something differs or too much was refused, 2 it could not run, 3 nothing was checked.
 */
export type ExitCode = 0 | 1 | 2 | 3;

/** Runs the audit as a command. */
export async function main(args: readonly string[], env: Env, output: Output): Promise<ExitCode> {
  try {
    const options = parseCliOptions(args, Date.now(), (output.ask ?? null) !== null);
    if (options === null) {
      output.print(HELP);
      return 0;
    }
    const config = readConfig(env);
    return await (options.undo === null
      ? auditAndRepair(config, options, output)
      : undo(config, { ...options, undo: options.undo }, output));
  } catch (error) {
    output.progress(describeError(error));
    return 2;
  }
}

const MAX_ROUNDS = 3;

async function auditAndRepair(config: AuditConfig, options: CliOptions, output: Output): Promise<ExitCode> {
  let report = await audit(config, options, output);
  // Longer candles are made of the repaired ones, so that they may want a round of their own.
  for (let round = 0; round < MAX_ROUNDS && isRepaired(report.repair); round++) {
    output.print(`${showReport(report, options.show)}\n`);
    output.progress('Auditing again …');
    // What was agreed to once holds for what follows from it.
    report = await audit(config, { ...options, repair: round < MAX_ROUNDS - 1 ? 'yes' : 'no' }, output);
  }
  if (options.jsonFile !== null) writeFileSync(options.jsonFile, `${toJson(report)}\n`);
  output.print(showReport(report, options.show));
  if (report.verdict === 'clean') return 0;
  return report.verdict === 'nothing checked' ? 3 : 1;
}

/** True if a repair has changed something: what it has left alone would be left alone again. */
function isRepaired(summary: RepairSummary | null): boolean {
  if (summary === null || summary.isDryRun) return false;
  const { windows, candleEvents, candleRows, tradeRows, gapRows, rollupRows } = summary;
  return windows + candleEvents + candleRows + tradeRows + gapRows + rollupRows > 0;
}

async function audit(config: AuditConfig, options: CliOptions, output: Output): Promise<AuditReport> {
  return connected(config, options, output, (connections) =>
    runAudit({
      ...options,
      ...connections,
      isRecorded: true,
      horizonMs: config.HORIZON_MS,
      graceMs: config.GRACE_MS,
    }),
  );
}

async function undo(
  config: AuditConfig,
  options: CliOptions & { readonly undo: string },
  output: Output,
): Promise<ExitCode> {
  const summary = await connected(config, options, output, (connections) =>
    undoRepair({ ...connections, repair: options.repair, name: options.undo }),
  );
  output.print(showRepair(summary).join('\n'));
  return summary.left.length === 0 ? 0 : 1;
}

type Connections = Pick<
  AuditOptions,
  'kafka' | 'client' | 'flow' | 'avro' | 'avroEvents' | 'confirm' | 'onProgress'
>;

async function connected<T>(
  config: AuditConfig,
  options: CliOptions,
  { print, progress, ask }: Output,
  work: (connections: Connections) => Promise<T>,
): Promise<T> {
  const client = createCassandra(config);
  try {
    return await work({
      kafka: createKafka(config, 'audit', createLogger('audit', config.LOG_LEVEL)),
      client,
      avro: createAvroReader(config),
      avroEvents: createAvroEvents(config),
      onProgress: progress,
      async confirm(planned) {
        if (ask === undefined || ask === null) return false;
        print(showRepair(planned).join('\n'));
        return ask(options.undo === null ? 'Repair it?' : 'Bring it back?');
      },
      flow: {
        rawTopic: config.RAW_TOPIC,
        tradesTopic: config.TRADES_TOPIC,
        candlesTopic: config.CANDLES_TOPIC,
        rejectsTopic: config.REJECTS_TOPIC,
        deadTopic: config.DEAD_TOPIC,
        redrivenTopic: config.REDRIVEN_TOPIC,
        groups: {
          transform: config.TRANSFORM_GROUP,
          aggregate: config.AGGREGATE_GROUP,
          persistTrades: config.PERSIST_TRADES_GROUP,
          persistCandles: config.PERSIST_CANDLES_GROUP,
        },
      },
    });
  } finally {
    await client.shutdown();
  }
}

/** The report as JSON text, with its subjects as an object. */
function toJson({ subjects, ...report }: AuditReport): string {
  return JSON.stringify({ ...report, subjects: Object.fromEntries(subjects) }, null, 2);
}
