import { writeFileSync } from 'node:fs';
import { createCassandra } from '@kandle/runtime/cassandra';
import type { Env } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { runAudit } from './audit.ts';
import { type AuditConfig, readConfig } from './config.ts';
import { type CliOptions, HELP, parseCliOptions } from './options.ts';
import type { AuditReport } from './report/report.ts';
import { showReport } from './report/show-report.ts';

/** Where text goes: the result, and what is being done. */
export interface Output {
  readonly print: (text: string) => void;
  readonly progress: (text: string) => void;
}

/**
 * Runs the audit as a command.
 *
 * @returns The exit code: 0 everything agrees, 1 something differs, 2 it could not run.
 */
export async function main(args: readonly string[], env: Env, output: Output): Promise<0 | 1 | 2> {
  try {
    const options = parseCliOptions(args, Date.now());
    if (options.help) {
      output.print(HELP);
      return 0;
    }
    const config = readConfig(env);
    let report = await audit(config, options, output.progress);
    // Longer candles are made of the repaired ones, so that they may want a round of their own.
    for (let round = 0; round < MAX_ROUNDS && report.repair !== null && !report.repair.isDryRun; round++) {
      output.print(`${showReport(report, options.show)}\n`);
      output.progress('Auditing again …');
      report = await audit(
        config,
        { ...options, repair: round < MAX_ROUNDS - 1 ? 'yes' : 'no' },
        output.progress,
      );
    }
    if (options.jsonFile !== null) writeFileSync(options.jsonFile, `${toJson(report)}\n`);
    output.print(showReport(report, options.show));
    return report.differences === 0 ? 0 : 1;
  } catch (error) {
    output.progress(describeError(error));
    return 2;
  }
}

const MAX_ROUNDS = 3;

async function audit(
  config: AuditConfig,
  options: CliOptions,
  onProgress: (line: string) => void,
): Promise<AuditReport> {
  const kafka = createKafka(config, 'audit', createLogger('audit', config.LOG_LEVEL));
  const client = createCassandra(config);
  try {
    return await runAudit({
      ...options,
      kafka,
      client,
      onProgress,
      isRecorded: true,
      flow: {
        rawTopic: config.RAW_TOPIC,
        tradesTopic: config.TRADES_TOPIC,
        candlesTopic: config.CANDLES_TOPIC,
        deadTopic: config.DEAD_TOPIC,
        groups: {
          transform: config.TRANSFORM_GROUP,
          aggregate: config.AGGREGATE_GROUP,
          persistTrades: config.PERSIST_TRADES_GROUP,
          persistCandles: config.PERSIST_CANDLES_GROUP,
        },
      },
      horizonMs: config.HORIZON_MS,
      graceMs: config.GRACE_MS,
    });
  } finally {
    await client.shutdown();
  }
}

/** The report as JSON text, with its subjects as an object. */
function toJson({ subjects, ...report }: AuditReport): string {
  return JSON.stringify({ ...report, subjects: Object.fromEntries(subjects) }, null, 2);
}
