import { runAudit } from '@kandle/audit/audit';
import type { AuditReport } from '@kandle/audit/report';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { TOPICS } from '@kandle/market/topics';
import type { Client, types } from 'cassandra-driver';
import { compareNotices } from './compare-notices.ts';
import type { Stack } from './stack.ts';

/** What a stack ended with, beside what its feed sent. */
export interface Verdict {
  /** One text each; none if everything is as it should be. */
  readonly differences: readonly string[];
  readonly trades: number;
  readonly candles: number;
  readonly audit: AuditReport;
}

/** As the functions have them by default. */
const HORIZON_MS = 900_000;
const GRACE_MS = 2_000;

const PAGE_ROWS = 5_000;

/**
 * Compares the views with what the feed has sent (every trade once in the candles and once in `trades`, every candle
 * final), the signals with what was announced, and runs the audit, which recomputes everything from the raw log.
 *
 * @param sinceMs The audit judges windows from here on; null for all.
 */
export async function judge(stack: Stack, sinceMs: number | null = null): Promise<Verdict> {
  const views = await compareWithFeed(stack);
  const audit = await audited(stack, sinceMs);
  const found = audit.findings.map(
    ({ subject, kind, shard, windowStartMs, symbol, what, expected, found: actual }) =>
      `${subject} ${kind}: ${shard} ${windowStartMs} ${symbol}: ${what}: expected ${expected}, found ${actual}`,
  );
  const notices = await compareNotices(stack);
  return { ...views, differences: [...views.differences, ...notices, ...found], audit };
}

async function compareWithFeed({ pipeline, options, feed }: Stack): Promise<Omit<Verdict, 'audit'>> {
  const { client } = pipeline;
  const { trades, tooLate } = feed.stats();
  const sent = trades - tooLate;
  const differences: string[] = [];
  let counted = 0;
  let candles = 0;
  let stored = 0;
  await eachRow(
    client,
    `SELECT symbol, start, trade_count, state FROM ${options.keyspace}.candles_5s`,
    (row) => {
      counted += Number(row['trade_count']);
      candles += 1;
      if (row['state'] === 'provisional')
        differences.push(`the candle of ${row['symbol']} at ${row['start'].toISOString()} is provisional`);
    },
  );
  await eachRow(client, `SELECT id FROM ${options.keyspace}.trades`, () => {
    stored += 1;
  });
  if (counted !== sent) differences.push(`the feed sent ${sent} trades, the candles have ${counted}`);
  if (stored !== sent) differences.push(`the feed sent ${sent} trades, ${stored} are stored`);
  return { differences, trades: sent, candles };
}

async function audited(stack: Stack, sinceMs: number | null): Promise<AuditReport> {
  const { options, prefix } = stack;
  const { kafkaBrokers, cassandra } = options.servers;
  const kafka = createKafka(
    { KAFKA_BROKERS: [...kafkaBrokers], KAFKA_TLS: false },
    'audit',
    createLogger('audit', 'silent'),
  );
  const client = createCassandra({
    CASSANDRA_CONTACT_POINTS: [...cassandra.contactPoints],
    CASSANDRA_PORT: cassandra.port,
    CASSANDRA_LOCAL_DATACENTER: cassandra.localDataCenter,
    CASSANDRA_KEYSPACE: options.keyspace,
    CASSANDRA_TLS: false,
  });
  try {
    return await runAudit({
      kafka,
      client,
      flow: {
        rawTopic: prefix + TOPICS.raw,
        tradesTopic: prefix + TOPICS.trades,
        candlesTopic: prefix + TOPICS.candles,
        deadTopic: prefix + TOPICS.dead,
        groups: groupsOf(stack),
      },
      horizonMs: HORIZON_MS,
      graceMs: GRACE_MS,
      sinceMs,
    });
  } finally {
    await client.shutdown();
  }
}

/** The groups that the audit waits for; null where a test delivers a source's events itself. */
function groupsOf({ plan }: Stack): Parameters<typeof runAudit>[0]['flow']['groups'] {
  const groupOf = (name: string): string | undefined =>
    plan.sources.find((source) => source.name === name)?.consumerGroup;
  const transform = groupOf('transform');
  const aggregate = groupOf('aggregate');
  const persistTrades = groupOf('persist-trades');
  const persistCandles = groupOf('persist-candles');
  if (
    transform === undefined ||
    aggregate === undefined ||
    persistTrades === undefined ||
    persistCandles === undefined
  )
    return null;
  return { transform, aggregate, persistTrades, persistCandles };
}

/** Reads a table page by page. */
async function eachRow(client: Client, query: string, take: (row: types.Row) => void): Promise<void> {
  let pageState: string | undefined;
  do {
    const page = await client.execute(query, [], {
      prepare: true,
      fetchSize: PAGE_ROWS,
      ...(pageState && { pageState }),
    });
    for (const row of page.rows) take(row);
    pageState = page.pageState ?? undefined;
  } while (pageState !== undefined);
}
