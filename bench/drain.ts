/**
 * Question: how fast is a backlog worked off, and what does a trade cost when batches are full?
 *
 * Writes the raw batches of a simulated market into `market.raw.v1` while nothing runs, then starts what
 * `npm start` runs, without a feed, and waits until every trade is in `trades` and in a final candle, which it
 * counts in Cassandra. The clock begins when the sources are there; the functions are still asleep then.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { TOPICS } from '@kandle/market/event/topics';
import { defineCommand, flag, option, text, wholeNumber } from '@kandle/tooling/command';
import { readEnv } from '@kandle/runtime/config';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { readPlan } from '@kandle/knative/read-plan';
import { DEFAULT_POLL, LIFTED_POLL } from '@kandle/stand-in/kafka-source/source';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { backlogOf } from './backlog.ts';
import { type BenchRun, runBench } from './command.ts';
import { countCandles, countTrades } from './count-stored.ts';
import { type DrainLook, reportOf } from './drain-report.ts';
import { createUsage, rolesOf } from './process-usage.ts';
import { ownServers } from './servers.ts';

const COMMAND = defineCommand({
  name: 'npm run bench:drain',
  about: `Fills market.raw.v1, starts the pipeline, and measures until every trade is stored: trades a second, and the CPU
time of everything per million trades. Kafka and Cassandra are its own, with empty data in .kandle/drain.`,
  options: {
    trades: option('N', 'how many wait', wholeNumber(1, 100_000_000), '1000000'),
    symbols: option('N', 'of how many symbols', wholeNumber(1, 5_000), '100'),
    rate: option(
      'N',
      'trades a second of market time: so many meet in a window',
      wholeNumber(1, 50_000),
      '2000',
    ),
    batch: option('N', 'most trades of a batch, as MAX_TRADES of ingest', wholeNumber(1, 10_000), '400'),
    fast: flag("poll sizes as an administrator may set them, not a cluster's defaults"),
    json: option('FILE', 'where the numbers go', text, 'out/drain.json'),
  },
});

const LOOK_MS = 250;
const SAY_MS = 5_000;
const GIVE_UP_MS = 20 * 60_000;
/** So many batches are handed to Kafka at a time. */
const AT_ONCE = 50;
const KEYSPACE = 'kandle';

await runBench(COMMAND, drain);

async function drain({ options, args, say, signal }: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const { trades, symbols, rate, batch, fast } = options;
  const jsonFile = resolve(REPO_ROOT, options.json);
  const plan = await readPlan();
  const servers = await ownServers('drain', say, signal);
  let pipeline: Pipeline | null = null;
  try {
    const kafka = createKafka(
      readEnv(KafkaEnv, { KAFKA_BROKERS: servers.kafkaBrokers.join(',') }),
      'bench',
      createLogger('bench', 'silent'),
    );
    const admin = kafka.admin();
    await admin.connect();
    await createTopics(admin, plan.topics);
    const batches = await fill(kafka, backlogOf({ trades, symbols, rate, batch }));
    say(`${trades.toLocaleString('en')} trades wait in ${batches} batches`);

    const crashes: string[] = [];
    pipeline = await startPipeline({
      plan,
      servers,
      keyspace: KEYSPACE,
      logFolder: servers.logFolder,
      feed: null,
      log: say,
      poll: fast ? LIFTED_POLL : DEFAULT_POLL,
      hooks: {
        onSpawn: servers.hooks.onSpawn,
        onExit: (name, pid, expected) => {
          servers.hooks.onExit(name, pid, expected);
          if (!expected) crashes.push(name);
        },
      },
    });
    const usage = createUsage();
    const alive = rolesOf(pipeline, servers.pids);
    const sample = () => Object.fromEntries(usage.sample(alive()));
    const first = sample();
    const startedMs = performance.now();
    const looks: DrainLook[] = [];
    for (let saidMs = 0, isSettled = false; !isSettled; ) {
      await sleep(LOOK_MS, undefined, { signal });
      isSettled = await pipeline.isSettled();
      const atMs = performance.now() - startedMs;
      if (atMs > GIVE_UP_MS) throw new Error('Cannot measure: the backlog was not worked off in 20 minutes');
      const delivered = Object.fromEntries(
        pipeline.sources.map((source) => [source.plan.name, source.stats.delivered]),
      );
      looks.push({ atMs, delivered, usage: sample() });
      if (atMs - saidMs < SAY_MS) continue;
      saidMs = atMs;
      say(
        `  ${(atMs / 1_000).toFixed(0)} s: ${Object.entries(delivered)
          .map(([name, count]) => `${name} ${count}`)
          .join(', ')}`,
      );
    }
    const drainedMs = performance.now() - startedMs;
    say('Settled; counting what is stored …');
    const deadLetters = (await admin.fetchTopicOffsets(TOPICS.dead)).reduce(
      (sum, { high }) => sum + Number(high),
      0,
    );
    await admin.disconnect();
    const stored = {
      trades: await countTrades(pipeline.client, KEYSPACE),
      inFinalCandles: (await countCandles(pipeline.client, KEYSPACE)).inFinalCandles,
    };
    const run = { trades, symbols, batches, drainedMs, first, looks, stored, deadLetters, crashes };
    mkdirSync(dirname(jsonFile), { recursive: true });
    writeFileSync(jsonFile, JSON.stringify({ command: args.join(' '), ...run }));
    const { lines, isGood } = reportOf(run);
    console.log(lines.join('\n'));
    return isGood;
  } finally {
    await pipeline?.stop();
    await servers.close();
  }
}

/** Writes events to the raw topic as ingest does. @returns How many. */
async function fill(kafka: ReturnType<typeof createKafka>, events: Iterable<MarketEvent>): Promise<number> {
  const producer = createEventProducer(kafka);
  let count = 0;
  let group: MarketEvent[] = [];
  for (const event of events) {
    count += 1;
    group.push(event);
    if (group.length < AT_ONCE) continue;
    await producer.send(TOPICS.raw, group);
    group = [];
  }
  await producer.send(TOPICS.raw, group);
  await producer.close();
  return count;
}
