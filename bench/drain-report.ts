import type { RoleUsage } from './process-usage.ts';

/** What was seen at one moment while the backlog was worked off. */
export interface DrainLook {
  readonly atMs: number;
  /** Records that each source has handed over. */
  readonly delivered: Readonly<Record<string, number>>;
  readonly usage: Readonly<Record<string, RoleUsage>>;
}

/** What a drain has come to. */
export interface DrainRun {
  readonly trades: number;
  readonly symbols: number;
  readonly batches: number;
  /** From the moment the sources are there, the functions asleep, until all is stored. */
  readonly drainedMs: number;
  /** What each role had used before. */
  readonly first: Readonly<Record<string, RoleUsage>>;
  readonly looks: readonly DrainLook[];
  readonly stored: { readonly trades: number; readonly inFinalCandles: number };
  readonly deadLetters: number;
  readonly crashes: readonly string[];
}

/** Those that a batch of trades passes, and what a row of the comparison with Spark counts. */
const FUNCTIONS = ['transform', 'aggregate', 'persist'] as const;
const BATCH_SOURCES = ['transform', 'aggregate', 'persist-trades'] as const;

/** The table and the verdict of a run. */
export function reportOf(run: DrainRun): { readonly lines: readonly string[]; readonly isGood: boolean } {
  const { trades, looks, first, stored } = run;
  const whole = (number: number): string => Math.round(number).toLocaleString('en');
  const cpuPerMillion = (role: string): number =>
    (((looks.at(-1)?.usage[role]?.cpuSeconds ?? 0) - (first[role]?.cpuSeconds ?? 0)) * 1e6) / trades;
  const lines = [
    `${whole(trades)} trades of ${run.symbols} symbols in ${run.batches} batches drained in ${(run.drainedMs / 1_000).toFixed(1)} s: ${whole((trades * 1_000) / run.drainedMs)} trades/s from the first look on, functions asleep`,
    ...BATCH_SOURCES.map(
      (source) =>
        `  ${source.padEnd(15)} ${whole(middleRate(run, source)).padStart(7)} trades/s between a tenth and nine tenths`,
    ),
    '',
    'process     CPU-s/M trades   MiB most   processes',
  ];
  for (const role of Object.keys(looks.at(-1)?.usage ?? {})) {
    const most = (of: 'totalMb' | 'processes'): number =>
      Math.max(...looks.map(({ usage }) => usage[role]?.[of] ?? 0));
    lines.push(
      `${role.padEnd(11)} ${cpuPerMillion(role).toFixed(1).padStart(15)} ${most('totalMb').toFixed(0).padStart(10)} ${String(most('processes')).padStart(11)}`,
    );
  }
  const together = FUNCTIONS.reduce((sum, role) => sum + cpuPerMillion(role), 0);
  lines.push(
    `${FUNCTIONS.join(' + ')}: ${together.toFixed(1)}`,
    '',
    `stored ${whole(stored.trades)} trades, ${whole(stored.inFinalCandles)} in final candles; dead letters ${run.deadLetters}, crashes ${run.crashes.length}`,
  );
  const isGood =
    stored.trades === trades &&
    stored.inFinalCandles === trades &&
    run.deadLetters === 0 &&
    run.crashes.length === 0;
  lines.push(isGood ? 'Verdict: every trade stored and counted once' : 'Verdict: not whole');
  return { lines, isGood };
}

/** Trades a second that a source handed over while it was neither beginning nor ending. */
function middleRate({ looks, trades, batches }: DrainRun, source: string): number {
  const countOf = (look: DrainLook | undefined): number => look?.delivered[source] ?? 0;
  const from = looks.find((look) => countOf(look) >= batches * 0.1);
  const to = looks.find((look) => countOf(look) >= batches * 0.9);
  const records = countOf(to) - countOf(from);
  return (records * (trades / batches) * 1_000) / ((to?.atMs ?? 0) - (from?.atMs ?? 0));
}
