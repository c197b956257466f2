/**
 * Question: how fast is a backlog worked off, and what does a trade cost when batches are full?
 *
 * Writes the raw batches of a simulated market into `market.raw.v1` while nothing runs, then starts what
 * `npm start` runs, without a feed, and waits until every trade is in `trades` and in a final candle, which it
 * counts in Cassandra. The clock begins when the sources are there; the functions are still asleep then, and
 * the servers have worked off another backlog before: a cold JVM spends most of its first minute in its
 * compiler.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  defineCommand,
  flag,
  option,
  type OptionParser,
  text,
  UsageError,
  wholeNumber,
} from '@kandle/tooling/command';
import { readEnv } from '@kandle/runtime/config';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { readPlan } from '@kandle/knative/read-plan';
import { KANDLE_POLL, KNATIVE_POLL } from '@kandle/stand-in/kafka-source/source';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { type BenchRun, runBench } from './command.ts';
import { type DrainRig, drainOnce, fillTopics, placesOf, untilQuiet } from './drain-run.ts';
import { type DrainRun, isWhole, reportOf, summaryOf } from './drain-report.ts';
import { ALL_PARTS, parseParts } from './parts.ts';
import { type BenchRegistry, benchRegistry } from './registry.ts';
import { ownServers } from './servers.ts';

const symbolCounts: OptionParser<readonly number[]> = (given, context) => {
  const counts = given.split(',').map((one) => wholeNumber(1, 5_000)(one, context));
  if (new Set(counts).size < counts.length)
    throw new UsageError(`--${context.name} ${given}: a number stands there twice`);
  return counts;
};

const COMMAND = defineCommand({
  name: 'npm run bench:drain',
  about: `Fills market.raw.v1, starts the pipeline, and measures until every trade is stored: trades a second, the CPU time of
everything per million trades, and what Cassandra was asked for. Kafka and Cassandra are its own, with empty data in .kandle/drain.`,
  options: {
    trades: option('N', 'how many wait', wholeNumber(1, 100_000_000), '1000000'),
    symbols: option('N,N', 'of how many symbols; of several numbers each is measured', symbolCounts, '100'),
    rounds: option('N', 'how often each; medians are shown', wholeNumber(1, 100), '1'),
    only: option(
      'PARTS',
      `parts of the work, with commas between: "trades,candles" is what the Spark job does`,
      parseParts,
      ALL_PARTS.join(','),
    ),
    rate: option(
      'N',
      'trades a second of market time: so many meet in a window',
      wholeNumber(1, 50_000),
      '2000',
    ),
    shards: option('N', 'shards of the feed, as SHARD_COUNT of ingest', wholeNumber(1, 100), '4'),
    batch: option('N', 'most trades of a batch, as MAX_TRADES of ingest', wholeNumber(1, 10_000), '1000'),
    'warm-up': option('N', 'trades that the servers work off before', wholeNumber(0, 100_000_000), '200000'),
    avro: flag('raw batches, clean batches, candles and signals are Avro, with a schema registry beside it'),
    'knative-poll': flag('poll sizes as Knative installs them, without knative/kafka-source-settings.sh'),
    profile: option(
      'DIR',
      "each function's process leaves a CPU profile there, for a browser's developer tools",
      text,
    ),
    json: option('FILE', 'where the numbers go', text, 'out/drain.json'),
  },
});

await runBench(COMMAND, drain);

async function drain({ options, args, say, signal }: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const { symbols: counts, rounds, only: parts, profile } = options;
  const poll = options['knative-poll'] ? KNATIVE_POLL : KANDLE_POLL;
  const jsonFile = resolve(REPO_ROOT, options.json);
  const plan = await readPlan();
  const servers = await ownServers('drain', say, signal);
  let registry: BenchRegistry | null = null;
  const kafka = createKafka(
    readEnv(KafkaEnv, { KAFKA_BROKERS: servers.kafkaBrokers.join(',') }),
    'bench',
    createLogger('bench', 'silent'),
  );
  const admin = kafka.admin();
  const rig: DrainRig = { servers, kafka, admin, plan, say, signal };
  try {
    await admin.connect();
    if (options.avro) registry = await benchRegistry(say, signal);
    const warmUp = options['warm-up'];
    if (warmUp > 0) {
      say(`Warming the servers up with ${warmUp.toLocaleString('en')} trades …`);
      await measure('warm', { trades: warmUp, symbols: counts[0] ?? 1 });
    }
    const runs: DrainRun[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const symbols of counts) {
        const run = await measure(`r${round}_${symbols}`, { trades: options.trades, symbols });
        runs.push(run);
        console.log(`${reportOf(run).join('\n')}\n`);
        mkdirSync(dirname(jsonFile), { recursive: true });
        writeFileSync(jsonFile, JSON.stringify({ command: args.join(' '), runs }));
      }
    }
    console.log(summaryOf(runs).join('\n'));
    return runs.every(isWhole);
  } finally {
    await admin.disconnect();
    await registry?.close();
    await servers.close();
  }

  async function measure(
    name: string,
    { trades, symbols }: { readonly trades: number; readonly symbols: number },
  ): Promise<DrainRun> {
    const { rate, shards, batch } = options;
    const size = { trades, symbols, rate, shards, batch };
    const { prefix } = placesOf(name);
    const batches = await fillTopics(rig, name, size, registry?.eventsOf(prefix) ?? null);
    say(`${trades.toLocaleString('en')} trades of ${symbols} symbols wait in ${batches} batches`);
    await untilQuiet(rig);
    const processEnv = (role: string): Record<string, string> => ({
      ...registry?.envOf(prefix),
      ...(profile === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${join(profile, name, role)}` }),
    });
    return await drainOnce(rig, { ...size, name, batches, parts, poll, processEnv });
  }
}
