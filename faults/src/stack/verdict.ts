import type { RecomputedWindow } from '@kandle/audit/recomputed';
import type { AuditReport } from '@kandle/audit/report';
import { auditPipeline } from '@kandle/local/audit-pipeline';
import type { Client, types } from 'cassandra-driver';
import { compareNotices } from './compare-notices.ts';
import { compareRefusals } from './compare-refusals.ts';
import { compareSinks } from './compare-sinks.ts';
import { FEED } from './faulty-feed.ts';
import type { Stack } from './stack.ts';

/** What a stack ended with, beside what its feed sent. */
export interface Verdict {
  /** One text each; none if everything is as it should be. */
  readonly differences: readonly string[];
  readonly trades: number;
  readonly candles: number;
  /** What was refused in the whole run, by reason: correct or not, it is in no candle. */
  readonly refused: Readonly<Record<string, number>>;
  readonly audit: AuditReport;
  /** Rows of Redis and InfluxDB that were held against the log; null where there are no sinks. */
  readonly inSinks: number | null;
}

const PAGE_ROWS = 5_000;
const MILLION = 1_000_000;

/**
 * Compares the views with what the feed has sent (every trade once in the candles and once in `trades`, every
 * candle final), the signals with what was announced, what was refused with what the faults explain, and runs
 * the audit, which recomputes everything from the raw log.
 *
 * @param sinceMs The audit judges windows from here on; null for all.
 */
export async function judge(stack: Stack, sinceMs: number | null = null): Promise<Verdict> {
  const views = await compareWithFeed(stack);
  const { options, prefix, plan, sinks } = stack;
  const { servers, keyspace } = options;
  const windows: RecomputedWindow[] = [];
  // Its own bound is a share of all trades; what was refused is judged to the last record here.
  const audit = await auditPipeline(
    { servers, keyspace, prefix, plan },
    {
      maxRefusedPpm: MILLION,
      ...(sinks === null ? { sinceMs } : { onWindow: (window) => void windows.push(window) }),
    },
  );
  const found = audit.findings.map(
    ({ subject, kind, shard, windowStartMs, symbol, what, expected, found: actual }) =>
      `${subject} ${kind}: ${shard} ${windowStartMs} ${symbol}: ${what}: expected ${expected}, found ${actual}`,
  );
  const notices = await compareNotices(stack);
  const refusals = await compareRefusals(stack);
  const { kafkaBrokers } = servers;
  const inSinks =
    sinks === null ? null : await compareSinks({ kafkaBrokers, prefix, windows, servers: sinks });
  return {
    ...views,
    differences: [
      ...views.differences,
      ...notices,
      ...refusals.differences,
      ...found,
      ...(inSinks?.differences ?? []),
    ],
    inSinks: inSinks?.compared ?? null,
    refused: refusals.byReason,
    audit,
  };
}

/** Each feed by itself: how much of what it told is in candles, and among the trades. */
async function compareWithFeed({
  pipeline,
  options,
  feed,
  vendors,
}: Stack): Promise<Omit<Verdict, 'audit' | 'refused' | 'inSinks'>> {
  const { client } = pipeline;
  const { trades, refused } = feed.stats();
  const sent = trades - refused;
  const differences: string[] = [];
  const counted = new Map<string, number>();
  const stored = new Map<string, number>();
  let candles = 0;
  await eachRow(
    client,
    `SELECT feed, symbol, start, trade_count, state FROM ${options.keyspace}.candles_5s`,
    (row) => {
      add(counted, String(row['feed']), Number(row['trade_count']));
      candles += 1;
      if (row['state'] === 'provisional')
        differences.push(`the candle of ${row['symbol']} at ${row['start'].toISOString()} is provisional`);
    },
  );
  await eachRow(client, `SELECT feed FROM ${options.keyspace}.trades`, (row) =>
    add(stored, String(row['feed']), 1),
  );
  const told = [
    { name: FEED, sent, isSampled: false },
    ...vendors.map(({ name, server, told: all }) => {
      return { name, sent: all().length, isSampled: server.isSampled };
    }),
  ];
  for (const { name, sent: number, isSampled } of told) {
    const [inCandles, inTrades] = [counted.get(name) ?? 0, stored.get(name) ?? 0];
    if (inCandles !== number)
      differences.push(`${name} has told ${number} entries, the candles have ${inCandles}`);
    // Looks are no trades.
    const trades = isSampled ? 0 : number;
    if (inTrades !== trades) differences.push(`${name} has told ${trades} trades, ${inTrades} are stored`);
  }
  return { differences, trades: told.reduce((sum, { sent: number }) => sum + number, 0), candles };
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
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
