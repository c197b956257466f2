import { isEverything, type Part } from './parts.ts';
import type { RoleUsage } from './process-usage.ts';
import { type ServerUse, serverUseLines } from './server-use.ts';
import { quantile } from './statistics.ts';
import { drainBounds, targetLines } from './targets.ts';

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
  readonly parts: readonly Part[];
  /** From the moment the sources are there, the functions asleep, until all is stored. */
  readonly drainedMs: number;
  /** What each role had used before. */
  readonly first: Readonly<Record<string, RoleUsage>>;
  readonly looks: readonly DrainLook[];
  readonly cassandra: ServerUse;
  readonly stored: { readonly trades: number; readonly inFinalCandles: number };
  readonly deadLetters: number;
  readonly crashes: readonly string[];
}

/** Those that a batch of trades passes, and what a row of the comparison with Spark counts. */
const FUNCTIONS = ['transform', 'aggregate', 'persist'] as const;
const BATCH_SOURCES = ['transform', 'aggregate', 'persist-trades'] as const;
/** What is no function: the servers, and this process, which is also the event sources' dispatcher. */
const OTHERS: ReadonlySet<string> = new Set(['runner', 'kafka', 'cassandra']);

/** The figures that runs are compared by; CPU-seconds are per million trades. */
export interface DrainFigures {
  readonly perSecond: number;
  /** Of transform, aggregate and persist. */
  readonly functionsCpu: number;
  readonly allCpu: number;
  readonly cpu: Readonly<Record<string, number>>;
  /** Most memory of all functions together, MiB. */
  readonly functionsMb: number;
}

/** The figures of a drain. */
export function figuresOf({ trades, drainedMs, looks, first }: DrainRun): DrainFigures {
  const last = looks.at(-1)?.usage ?? {};
  const cpu = Object.fromEntries(
    Object.entries(last).map(([role, { cpuSeconds }]) => [
      role,
      ((cpuSeconds - (first[role]?.cpuSeconds ?? 0)) * 1e6) / trades,
    ]),
  );
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  const functionsMb = looks.map(({ usage }) =>
    sum(Object.entries(usage).flatMap(([role, { totalMb }]) => (OTHERS.has(role) ? [] : [totalMb]))),
  );
  return {
    perSecond: (trades * 1_000) / drainedMs,
    functionsCpu: sum(FUNCTIONS.map((role) => cpu[role] ?? 0)),
    allCpu: sum(Object.values(cpu)),
    cpu,
    functionsMb: Math.max(0, ...functionsMb),
  };
}

/** The median of each figure. */
export function medianOf(all: readonly DrainFigures[]): DrainFigures {
  const middle = (of: (figures: DrainFigures) => number): number => quantile(all.map(of), 0.5);
  const roles = Object.keys(all[0]?.cpu ?? {});
  return {
    perSecond: middle(({ perSecond }) => perSecond),
    functionsCpu: middle(({ functionsCpu }) => functionsCpu),
    allCpu: middle(({ allCpu }) => allCpu),
    cpu: Object.fromEntries(roles.map((role) => [role, middle(({ cpu }) => cpu[role] ?? 0)])),
    functionsMb: middle(({ functionsMb }) => functionsMb),
  };
}

/** True if every trade was stored once and counted once, and nothing went wrong. */
export function isWhole({ trades, stored, deadLetters, crashes }: DrainRun): boolean {
  return (
    stored.trades === trades && stored.inFinalCandles === trades && deadLetters === 0 && crashes.length === 0
  );
}

/** What is told of one run. */
export function reportOf(run: DrainRun): readonly string[] {
  const { trades, looks, stored, parts } = run;
  const figures = figuresOf(run);
  const lines = [
    `${whole(trades)} trades of ${run.symbols} symbols in ${run.batches} batches, ${isEverything(parts) ? 'everything on' : parts.join(' and ')}: ${(run.drainedMs / 1_000).toFixed(1)} s, ${whole(figures.perSecond)} trades/s from the first look on, functions asleep`,
    ...BATCH_SOURCES.filter((source) => looks.at(-1)?.delivered[source] !== undefined).map(
      (source) =>
        `  ${source.padEnd(15)} ${whole(middleRate(run, source)).padStart(7)} trades/s between a tenth and nine tenths`,
    ),
    '',
    'process     CPU-s/M trades   MiB most   processes',
  ];
  for (const [role, cpu] of Object.entries(figures.cpu)) {
    const most = (of: 'totalMb' | 'processes'): number =>
      Math.max(...looks.map(({ usage }) => usage[role]?.[of] ?? 0));
    lines.push(
      `${role.padEnd(11)} ${cpu.toFixed(1).padStart(15)} ${most('totalMb').toFixed(0).padStart(10)} ${String(most('processes')).padStart(11)}`,
    );
  }
  lines.push(
    `${'all'.padEnd(11)} ${figures.allCpu.toFixed(1).padStart(15)}`,
    `${FUNCTIONS.join(' + ')}: ${figures.functionsCpu.toFixed(1)}; all functions at most ${figures.functionsMb.toFixed(0)} MiB`,
    '',
    ...serverUseLines(run.cassandra, trades),
  );
  lines.push(
    '',
    `stored ${whole(stored.trades)} trades, ${whole(stored.inFinalCandles)} in final candles; dead letters ${run.deadLetters}, crashes ${run.crashes.length}: ${isWhole(run) ? 'every trade stored and counted once' : 'not whole'}`,
  );
  return lines;
}

/** What all runs say together: medians beside the targets, and many symbols beside few. */
export function summaryOf(runs: readonly DrainRun[]): readonly string[] {
  const bySymbols = Map.groupBy(runs, ({ symbols }) => symbols);
  const medians = [...bySymbols].map(([symbols, some]) => [symbols, medianOf(some.map(figuresOf))] as const);
  const [few, ...more] = medians;
  const bounds = drainBounds(runs[0]?.parts ?? []);
  if (few === undefined) return [];
  const [symbols, figures] = few;
  const rounds = bySymbols.get(symbols)?.length ?? 0;
  const lines: string[] = [];
  if (bounds !== null) {
    lines.push(
      `${rounds === 1 ? 'One round' : `Medians of ${rounds} rounds`}, ${symbols} symbols, servers warm, all CPU counted`,
      ...targetLines([
        { what: 'drain', measured: figures.perSecond, atLeast: bounds.perSecond, unit: 'trades/s' },
        { what: 'functions', measured: figures.functionsCpu, atMost: bounds.functions, unit: 'CPU-s/M' },
        { what: 'all', measured: figures.allCpu, atMost: bounds.all, unit: 'CPU-s/M' },
      ]),
    );
  }
  for (const [many, other] of more) {
    lines.push(
      ...(lines.length === 0 ? [] : ['']),
      `${many} symbols beside ${symbols}`,
      ...targetLines([
        { what: 'all', measured: other.allCpu / figures.allCpu, atMost: 1.5, unit: 'times' },
        ...['persist', 'aggregate', 'cassandra'].map((role) => ({
          what: role,
          measured: (other.cpu[role] ?? 0) / (figures.cpu[role] ?? 0),
          atMost: 1.5,
          unit: 'times',
        })),
      ]),
    );
  }
  return lines;
}

function whole(number: number): string {
  return Math.round(number).toLocaleString('en');
}

/** Trades a second that a source handed over while it was neither beginning nor ending. */
function middleRate({ looks, trades, batches }: DrainRun, source: string): number {
  const countOf = (look: DrainLook | undefined): number => look?.delivered[source] ?? 0;
  const from = looks.find((look) => countOf(look) >= batches * 0.1);
  const to = looks.find((look) => countOf(look) >= batches * 0.9);
  const records = countOf(to) - countOf(from);
  return (records * (trades / batches) * 1_000) / ((to?.atMs ?? 0) - (from?.atMs ?? 0));
}
