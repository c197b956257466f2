/**
 * Question: what does Kandle cost beside the Spark job that it replaces, on the same servers and the same
 * trades?
 *
 * Both work off one backlog of raw batches into one Cassandra: a row for each trade, and candles of five
 * seconds. Round by round, and by turns which is the first, so that a busy moment hits both. Each begins with
 * new processes; the servers are warm. What each stored is counted afterwards.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { loadavg } from 'node:os';
import { readPlan } from '@kandle/knative/read-plan';
import { KANDLE_POLL } from '@kandle/stand-in/kafka-source/source';
import { readEnv } from '@kandle/runtime/config';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { defineCommand, option, text, wholeNumber } from '@kandle/tooling/command';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { type BenchRun, runBench } from './command.ts';
import { type DrainRun, figuresOf, isWhole } from './drain-report.ts';
import { type BacklogSize, type DrainRig, drainOnce, fillTopics, untilQuiet } from './drain-run.ts';
import { SPARKS_PARTS } from './parts.ts';
import { ownServers } from './servers.ts';
import { installSpark, type Spark } from './spark/install.ts';
import { type SparkRun, sparkOnce } from './spark/spark-run.ts';
import { quantile } from './statistics.ts';
import { targetLines } from './targets.ts';

const COMMAND = defineCommand({
  name: 'npm run bench:spark',
  about: `Measures Kandle beside a plain PySpark job that does the same work: Kafka, a row for each trade, candles of five
seconds, Cassandra. local[2], 4 shuffle partitions. Kafka and Cassandra are its own, with empty data in .kandle/spark-bench.`,
  options: {
    trades: option('N', 'how many wait in each round', wholeNumber(1, 100_000_000), '1000000'),
    symbols: option('N', 'of how many symbols', wholeNumber(1, 5_000), '100'),
    rounds: option('N', 'how often each', wholeNumber(1, 100), '3'),
    'warm-up': option('N', 'trades that both work off before', wholeNumber(1, 100_000_000), '200000'),
    json: option('FILE', 'where the numbers go', text, 'out/spark.json'),
  },
  notes: `The first time it fetches PySpark from PyPI (320 MB) and its connectors by Maven into .kandle/spark. It needs
python3 with venv, and Java 17.`,
});

/** One round: what both took, and which was the first. */
interface Round {
  readonly kandle: DrainRun;
  readonly spark: SparkRun;
  readonly first: 'kandle' | 'spark';
  readonly load: number;
}

await runBench(COMMAND, besideSpark);

async function besideSpark({
  options,
  args,
  say,
  signal,
}: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const jsonFile = resolve(REPO_ROOT, options.json);
  const spark = await installSpark(say, signal);
  const plan = await readPlan();
  const servers = await ownServers('spark-bench', say, signal);
  const kafka = createKafka(
    readEnv(KafkaEnv, { KAFKA_BROKERS: servers.kafkaBrokers.join(',') }),
    'bench',
    createLogger('bench', 'silent'),
  );
  const admin = kafka.admin();
  const rig: DrainRig = { servers, kafka, admin, plan, say, signal };
  const size: BacklogSize = {
    trades: options.trades,
    symbols: options.symbols,
    rate: 2_000,
    shards: 4,
    batch: 1_000,
  };
  try {
    await admin.connect();
    say('Warming the servers up …');
    await playRound(rig, spark, {
      name: 'warm',
      size: { ...size, trades: options['warm-up'] },
      first: 'kandle',
    });
    const rounds: Round[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      say(`Round ${round} of ${options.rounds}`);
      const first = round % 2 === 1 ? 'kandle' : 'spark';
      rounds.push(await playRound(rig, spark, { name: `r${round}`, size, first }));
      mkdirSync(dirname(jsonFile), { recursive: true });
      writeFileSync(jsonFile, JSON.stringify({ command: args.join(' '), rounds }));
    }
    console.log(reportOf(rounds, size).join('\n'));
    return rounds.every(({ kandle, spark: other }) => isWhole(kandle) && hasAll(other, size.trades));
  } finally {
    await admin.disconnect();
    await servers.close();
  }
}

async function playRound(
  rig: DrainRig,
  spark: Spark,
  {
    name,
    size,
    first,
  }: { readonly name: string; readonly size: BacklogSize; readonly first: Round['first'] },
): Promise<Round> {
  const batches = await fillTopics(rig, name, size);
  const load = loadavg()[0] ?? Number.NaN;
  const kandle = async (): Promise<DrainRun> => {
    await untilQuiet(rig);
    rig.say('  Kandle …');
    return await drainOnce(rig, { ...size, name, batches, parts: SPARKS_PARTS, poll: KANDLE_POLL });
  };
  const other = async (): Promise<SparkRun> => {
    await untilQuiet(rig);
    rig.say('  Spark …');
    return await sparkOnce(rig, spark, name);
  };
  if (first === 'kandle') return { kandle: await kandle(), spark: await other(), first, load };
  const sparks = await other();
  return { kandle: await kandle(), spark: sparks, first, load };
}

function hasAll({ stored }: SparkRun, trades: number): boolean {
  return stored.trades === trades && stored.inCandles === trades;
}

/** A line of the table: CPU-seconds are per million trades. */
interface Line {
  readonly perSecond: number;
  readonly job: number;
  readonly dispatcher: number;
  readonly cassandra: number;
  readonly kafka: number;
  readonly mb: number;
}

function kandleLine(run: DrainRun): Line {
  const { perSecond, functionsCpu, cpu, functionsMb } = figuresOf(run);
  const { runner = 0, cassandra = 0, kafka = 0 } = cpu;
  return { perSecond, job: functionsCpu, dispatcher: runner, cassandra, kafka, mb: functionsMb };
}

function sparkLine({ ms, cpu, largestMb }: SparkRun, trades: number): Line {
  const perMillion = (seconds: number): number => (seconds * 1e6) / trades;
  return {
    perSecond: (trades * 1_000) / ms,
    job: perMillion(cpu.spark),
    dispatcher: 0,
    cassandra: perMillion(cpu.cassandra),
    kafka: perMillion(cpu.kafka),
    mb: largestMb,
  };
}

function reportOf(rounds: readonly Round[], { trades, symbols }: BacklogSize): readonly string[] {
  const lines = [
    `${trades.toLocaleString('en')} trades of ${symbols} symbols in batches of 1,000; CPU-s per million trades`,
    '',
    `${'round, first, load'.padEnd(24)}${''.padEnd(8)}${['trades/s', 'job', 'dispatcher', 'Cassandra', 'Kafka', 'all', 'MiB'].map((name) => name.padStart(11)).join('')}`,
  ];
  for (const [index, { kandle, spark, first, load }] of rounds.entries()) {
    lines.push(
      lineOf(
        `${index + 1}, ${first === 'kandle' ? 'Kandle' : 'Spark'}, ${load.toFixed(1)}`,
        'Kandle',
        kandleLine(kandle),
      ),
      lineOf('', 'Spark', sparkLine(spark, trades)),
    );
  }
  const ours = medians(rounds.map(({ kandle }) => kandleLine(kandle)));
  const theirs = medians(rounds.map(({ spark }) => sparkLine(spark, trades)));
  const startCpu = quantile(
    rounds.map(({ spark }) => spark.startCpu),
    0.5,
  );
  lines.push(
    lineOf('median', 'Kandle', ours),
    lineOf('', 'Spark', theirs),
    '',
    `Spark: until its session is there ${startCpu.toFixed(1)} CPU-s, which are not in the table; Kandle: its processes start within the time measured`,
    ...rounds.flatMap(({ kandle, spark }, index) => [
      ...(isWhole(kandle) ? [] : [`round ${index + 1}: Kandle has not stored every trade`]),
      ...(hasAll(spark, trades)
        ? []
        : [`round ${index + 1}: Spark has stored ${JSON.stringify(spark.stored)}`]),
    ]),
    '',
    ...targetLines([
      { what: 'Kandle', measured: ours.perSecond, atLeast: 32_000, unit: 'trades/s' },
      { what: 'times Spark', measured: ours.perSecond / theirs.perSecond, atLeast: 3, unit: '' },
      { what: 'functions', measured: ours.job, atMost: 18, unit: 'CPU-s/M' },
      { what: 'all', measured: allOf(ours), atMost: 60, unit: 'CPU-s/M' },
    ]),
  );
  return lines;
}

function allOf({ job, dispatcher, cassandra, kafka }: Line): number {
  return job + dispatcher + cassandra + kafka;
}

function lineOf(head: string, who: string, line: Line): string {
  const cells = [line.job, line.dispatcher, line.cassandra, line.kafka, allOf(line)].map((cpu) =>
    cpu.toFixed(1),
  );
  const all = [Math.round(line.perSecond).toLocaleString('en'), ...cells, line.mb.toFixed(0)];
  return `${head.padEnd(24)}${who.padEnd(8)}${all.map((cell) => cell.padStart(11)).join('')}`;
}

function medians(lines: readonly Line[]): Line {
  const middle = (of: (line: Line) => number): number => quantile(lines.map(of), 0.5);
  return {
    perSecond: middle(({ perSecond }) => perSecond),
    job: middle(({ job }) => job),
    dispatcher: middle(({ dispatcher }) => dispatcher),
    cassandra: middle(({ cassandra }) => cassandra),
    kafka: middle(({ kafka }) => kafka),
    mb: middle(({ mb }) => mb),
  };
}
