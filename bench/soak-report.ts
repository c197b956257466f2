import type { Delays } from './delay-probe.ts';
import type { RoleUsage } from './process-usage.ts';
import { type ServerUse, serverUseLines } from './server-use.ts';
import { growthOf, quantile } from './statistics.ts';
import { targetLines } from './targets.ts';

/** What was seen at one moment. */
export interface SoakSample {
  readonly atSeconds: number;
  /** Trades sent since the start. */
  readonly trades: number;
  /** The most records that each source was behind since the sample before. */
  readonly lags: Readonly<Record<string, number>>;
  /** The 99th percentile of each function's last thousand answers, waiting for a process included. */
  readonly p99Ms: Readonly<Record<string, number | null>>;
  readonly usage: Readonly<Record<string, RoleUsage>>;
}

/** What a run has come to. */
export interface SoakRun {
  readonly samples: readonly SoakSample[];
  /** What each role had used before the first trade that counts. */
  readonly first: Readonly<Record<string, RoleUsage>>;
  readonly delays: Delays;
  /** While trades came. */
  readonly cassandra: ServerUse;
  /** True if the console was measured too, by this process. */
  readonly hasPage?: boolean;
  readonly end: {
    readonly sent: number;
    readonly inFinalCandles: number;
    readonly provisional: number;
    /** Records that each source has handed over. */
    readonly delivered: Readonly<Record<string, number>>;
    readonly skippedMs: number;
    readonly rejects: number;
    readonly deadLetters: number;
    readonly crashes: readonly string[];
    readonly coldStarts: Readonly<Record<string, number>>;
  };
}

/** Heaps grow to their size and caches fill before anything can be called flat. */
const WARM_UP_SHARE = 1 / 3;
/** Ingest remembers the trades of 15 minutes: its memory is judged from then on. */
const INGEST_FULL_SECONDS = 17 * 60;
/** A slope of less than this says nothing of an hour. */
const MIN_JUDGED_SECONDS = 5 * 60;
/** Memory is flat if it would grow by less than this in the whole run, as it did after the warm-up. */
const FLAT_SHARE = 0.1;
const FLAT_MB = 15;
/** The lag of a source is near zero if it is less than what comes in so many seconds, or at once. */
const NEAR_ZERO_SECONDS = 2;
/** The shards close their windows together: so many candle events come in one moment. */
const AT_ONCE = 12;

/** The rate that the targets of cost and delay are set for, trades a second. */
const TARGET_RATE = 2_000;
/**
 * What is no function: the servers, ingest, and this process, which holds the simulated market and the
 * dispatcher.
 */
const OTHERS: ReadonlySet<string> = new Set(['ingest', 'runner', 'kafka', 'cassandra']);

/** The table and the verdict of a run of so many trades a second. */
export function reportOf(
  run: SoakRun,
  rate: number,
): { readonly lines: readonly string[]; readonly isGood: boolean } {
  const { samples, end, delays } = run;
  const last = samples.at(-1);
  if (last === undefined) return { lines: ['Nothing was measured'], isGood: false };
  const warm = samples.filter(({ atSeconds }) => atSeconds >= last.atSeconds * WARM_UP_SHARE);
  const problems: string[] = [];
  let isMemoryJudged = true;
  const cpuOf = (role: string): number =>
    (((last.usage[role]?.cpuSeconds ?? 0) - (run.first[role]?.cpuSeconds ?? 0)) * 1e6) / last.trades;
  const allCpu = Object.keys(last.usage).reduce((sum, role) => sum + cpuOf(role), 0);
  const lines = [
    `${last.trades.toLocaleString('en')} trades in ${(last.atSeconds / 60).toFixed(1)} min`,
    '',
    'process     CPU-s/M trades   MiB median     max   processes   MiB/h   verdict (MiB per hour: without pages of files)',
  ];
  for (const role of Object.keys(last.usage)) {
    const fullSeconds = role === 'ingest' ? INGEST_FULL_SECONDS : last.atSeconds * WARM_UP_SHARE;
    const memory = warm
      .filter(({ atSeconds }) => atSeconds >= fullSeconds)
      .map(({ atSeconds, usage }) => [atSeconds / 3_600, usage[role]?.anonymousMb ?? 0] as const);
    const numbers = warm.map(({ usage }) => usage[role]?.totalMb ?? 0);
    const middle = quantile(numbers, 0.5);
    const perHour = growthOf(memory);
    const growth = (perHour * last.atSeconds) / 3_600;
    const isFlat = growth <= Math.max(middle * FLAT_SHARE, FLAT_MB);
    const isLong = last.atSeconds - fullSeconds >= MIN_JUDGED_SECONDS;
    isMemoryJudged &&= isLong;
    // With a page the runner notes each trade of its symbol, to the end.
    const isJudged = isLong && (role !== 'runner' || run.hasPage !== true);
    if (!isFlat && isJudged) problems.push(`memory of ${role} grows by ${perHour.toFixed(0)} MiB an hour`);
    const most = Math.max(...warm.map(({ usage }) => usage[role]?.processes ?? 0));
    lines.push(
      [
        role.padEnd(11),
        cpuOf(role).toFixed(1).padStart(15),
        middle.toFixed(0).padStart(12),
        Math.max(...numbers)
          .toFixed(0)
          .padStart(7),
        String(most).padStart(11),
        (isLong ? perHour.toFixed(0) : '').padStart(7),
        `   ${isLong ? (isFlat ? 'flat' : 'grows') : 'too short to say'}`,
      ].join(' '),
    );
  }
  lines.push(
    `${'all'.padEnd(11)} ${allCpu.toFixed(1).padStart(15)}; without the runner, which holds the simulated market too, ${(allCpu - cpuOf('runner')).toFixed(1)}`,
  );
  lines.push('', ...serverUseLines(run.cassandra, last.trades));
  lines.push('', 'source             lag, records: median of maxima   p99     max');
  for (const source of Object.keys(last.lags)) {
    const lags = warm.map((sample) => sample.lags[source] ?? 0);
    const p99 = quantile(lags, 0.99);
    const perSecond = (end.delivered[source] ?? 0) / last.atSeconds;
    if (p99 > Math.max(perSecond * NEAR_ZERO_SECONDS, AT_ONCE))
      problems.push(`${source} is ${p99} records behind`);
    lines.push(
      `${source.padEnd(35)} ${String(quantile(lags, 0.5)).padStart(13)} ${String(p99).padStart(5)} ${String(Math.max(...lags)).padStart(7)}`,
    );
  }
  const answers = Object.keys(last.p99Ms).map((name) => {
    const all = warm.map(({ p99Ms }) => p99Ms[name] ?? 0);
    return `${name} ${quantile(all, 0.5).toFixed(0)} ms`;
  });
  lines.push('', `p99 of an answer, median of the samples: ${answers.join(', ')}`);
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
  const spread = (numbers: readonly number[]): string =>
    `p50 ${seconds(quantile(numbers, 0.5))}, p99 ${seconds(quantile(numbers, 0.99))}, max ${seconds(Math.max(...numbers))} (${numbers.length} samples)`;
  lines.push(
    '',
    `trade on the line → row in trades: ${spread(delays.tradeMs)}`,
    `end of a window → its final candle's row: ${spread(delays.finalCandleMs)}`,
    `sent ${end.sent.toLocaleString('en')} trades; in final candles ${end.inFinalCandles.toLocaleString('en')}; ` +
      `rejects ${end.rejects}, dead letters ${end.deadLetters}, crashes ${end.crashes.length}, ` +
      `left out by the simulator ${end.skippedMs} ms; cold starts ${JSON.stringify(end.coldStarts)}`,
  );
  if (end.inFinalCandles !== end.sent) problems.push('final candles do not hold every trade');
  if (end.provisional > 0) problems.push(`${end.provisional} candles are not final`);
  if (end.crashes.length > 0) problems.push(`crashed: ${end.crashes.join(', ')}`);
  if (end.rejects + end.deadLetters > 0) problems.push('something was refused or given up');
  if (delays.missing > 0) problems.push(`${delays.missing} sampled rows never came`);
  if (rate === TARGET_RATE) {
    const functionsMb = warm.map(({ usage }) =>
      Object.entries(usage).reduce((sum, [role, { totalMb }]) => sum + (OTHERS.has(role) ? 0 : totalMb), 0),
    );
    lines.push(
      '',
      ...targetLines([
        { what: 'all but the runner', measured: allCpu - cpuOf('runner'), atMost: 180, unit: 'CPU-s/M' },
        {
          what: 'trade to row, p50',
          measured: quantile(delays.tradeMs, 0.5) / 1_000,
          atMost: 0.2,
          unit: 's',
        },
        {
          what: 'trade to row, p99',
          measured: quantile(delays.tradeMs, 0.99) / 1_000,
          atMost: 0.5,
          unit: 's',
        },
        { what: "functions' memory, median", measured: quantile(functionsMb, 0.5), atMost: 300, unit: 'MiB' },
      ]),
    );
  }
  lines.push(
    '',
    problems.length === 0
      ? `Verdict: ${isMemoryJudged ? 'flat memory' : 'too short to judge all memory'}, no lag, every trade counted`
      : `Verdict: ${problems.join('; ')}`,
  );
  return { lines, isGood: problems.length === 0 };
}
