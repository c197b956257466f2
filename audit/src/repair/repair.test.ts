import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Audited,
  BEGIN_MS,
  createMemoryPipeline,
  PLACE,
  type MemoryPipeline,
  type PlannedBatch,
  SHARD,
} from '../../test/memory-pipeline.ts';
import { marketColumns, windowKey } from '../../test/memory-tables.ts';
import { candleColumns } from '../recompute/candle.ts';
import { expectedColumns, expectedWindow } from '../recompute/expected-window.ts';
import { WINDOW_MS } from '../values/periods.ts';
import { candleRemoval, numbersOf, tradeWrite } from './rows.ts';

const RUNS = Number(process.env['SCHEDULES'] ?? 60);
/** Most times that so many are run, until everything has been seen that is to be seen. */
const MOST_ROUNDS = 10;
const SYMBOLS = ['AAPL', 'EUR/USD'];
/** Few windows of few trades, so that most damage meets something. */
const WINDOWS = 4;
const ROUNDS = 3;

const batches: fc.Arbitrary<PlannedBatch[]> = fc.array(
  fc.record({
    trades: fc.array(
      fc.record({
        symbol: fc.constantFrom(...SYMBOLS),
        atMs: fc.integer({ min: 0, max: WINDOWS * WINDOW_MS - 1 }),
        price: fc.integer({ min: 1, max: 9 }),
        size: fc.integer({ min: 1, max: 9 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    place: fc.oneof(
      { weight: 20, arbitrary: fc.constant('home' as const) },
      { weight: 4, arbitrary: fc.constant('a copy strayed' as const) },
      { weight: 1, arbitrary: fc.constant('astray only' as const) },
    ),
    givenUpBy: fc.oneof(
      { weight: 4, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('transform' as const, 'aggregate' as const, 'persist' as const),
      },
    ),
  }),
  { minLength: 2, maxLength: 8 },
);

const chance = fc.nat({ max: 1_000 });
const operations = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('damage' as const), which: chance, how: chance }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('redrive' as const), which: chance, how: chance }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('repair' as const), which: chance, how: chance }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('undo' as const), which: chance, how: chance }) },
  ),
  { minLength: 2, maxLength: 10 },
);

/** What the tables say of the market: by window its batches and rows, and each row of the views. */
function contentOf({ tables }: MemoryPipeline): ReadonlyMap<string, unknown> {
  const content = new Map<string, unknown>();
  for (const [key, { applied, finalVersion, rows }] of tables.windows) {
    // A version is never taken back: an undone window that was not there is empty.
    if (applied === '' && rows.size === 0) continue;
    content.set(`windows ${key}`, {
      applied,
      isFinal: finalVersion > 0,
      rows: Object.fromEntries(
        [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([symbol, { columns }]) => [symbol, columns]),
      ),
    });
  }
  for (const { table, key, columns } of tables.rows())
    content.set(rowName({ table, key }), marketColumns(columns));
  return content;
}

function rowName({ table, key }: { readonly table: string; readonly key: object }): string {
  return `${table} ${Object.values(key).join(' ')}`;
}

/** The same as the log has it, but for the batches that still wait. */
function rightContent(
  pipeline: MemoryPipeline,
  givenUpBy: ReadonlyMap<number, string | null>,
  isSampled: boolean,
) {
  const content = new Map<string, unknown>();
  const waiting = new Set(pipeline.waiting());
  const isCounted = (sequence: number): boolean =>
    !waiting.has(sequence) || givenUpBy.get(sequence) === 'persist';
  for (const [startMs, trades] of pipeline.trades(isCounted)) {
    const { applied, rows } = expectedWindow(trades);
    content.set(`windows ${windowKey(SHARD, startMs)}`, {
      applied,
      isFinal: true,
      rows: Object.fromEntries(
        [...rows]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([symbol, row]) => [symbol, expectedColumns(row)]),
      ),
    });
    for (const [symbol, row] of rows) {
      const life = { version: 1, state: 'final', revision: 0, reason: '', complete: true } as const;
      content.set(
        rowName(candleRemoval(PLACE, { symbol, timeMs: startMs, columns: {} })),
        marketColumns(candleColumns(numbersOf(expectedColumns(row), isSampled), life)),
      );
    }
  }
  // Looks have no row.
  if (isSampled) return content;
  const isStored = (sequence: number): boolean =>
    !waiting.has(sequence) || givenUpBy.get(sequence) !== 'persist';
  for (const trade of [...pipeline.trades(isStored).values()].flat()) {
    const row = tradeWrite(PLACE, trade, null);
    content.set(rowName(row), row.wanted);
  }
  return content;
}

/** Damages something as a hand would: with a wall clock's time, or by a transaction without one. */
async function damage(
  { tables, wallMs, waiting }: MemoryPipeline,
  planned: readonly PlannedBatch[],
  { which, how }: { readonly which: number; readonly how: number },
): Promise<void> {
  const now = BigInt(wallMs()) * 1_000n;
  // A batch that waits and is named there is taken for counted, and that is as right.
  const taken = planned
    .keys()
    .map((index) => index + 1)
    .filter((sequence) => !waiting().includes(sequence));
  const sequences = [...taken];
  const windows = [...tables.windows];
  const rows = tables.rows();
  const place = which % (windows.length + rows.length + 1);
  const window = windows[place];
  const row = rows[place - windows.length];
  if (window !== undefined) {
    const [key, of] = window;
    const [symbol] = [...of.rows.keys()].slice(how % Math.max(1, of.rows.size));
    const changed = new Map(of.rows);
    if (symbol !== undefined) changed.delete(symbol);
    const known = of.rows.get(symbol ?? '');
    const other = new Map(of.rows);
    if (known !== undefined)
      other.set(known.symbol, { ...known, columns: { ...known.columns, volume_e8: BigInt(how) } });
    const otherwise = sequences[how % sequences.length];
    const ways = [
      () => tables.windows.delete(key),
      () => tables.windows.set(key, { ...of, rows: changed }),
      () => tables.windows.set(key, { ...of, rows: other }),
      () => tables.windows.set(key, { ...of, applied: otherwise === undefined ? '' : `1:${otherwise}` }),
      () => tables.windows.set(key, { ...of, version: of.version + 1, finalVersion: 0 }),
      () => tables.windows.set(key, { ...of, version: of.version + 1, rows: new Map(), applied: '' }),
    ];
    ways[how % ways.length]?.();
  } else if (row !== undefined) {
    const [name] = Object.keys(row.columns).slice(how % Object.keys(row.columns).length);
    if (how % 3 === 0) await tables.views.remove(row, now);
    else if (how % 3 === 1 && typeof row.columns[name ?? ''] === 'number')
      await tables.views.insert({ ...row, columns: { [name ?? '']: how + 0.5 } }, now);
    else await tables.views.remove(row, BigInt(BEGIN_MS + 60_000) * 1_000n);
  } else {
    const startMs = BEGIN_MS + (how % WINDOWS) * WINDOW_MS;
    // Rows of symbols that the log does not know are looked for elsewhere (`audit-rest.ts`).
    const symbol = planned[0]?.trades[0]?.symbol ?? '';
    const trade = { symbol, eventTimeMs: startMs + how, id: 'made-up' };
    const rest = { priceE8: 1n, sizeE8: 1n, epoch: 1, sequence: 1, index: 0 };
    const { table, key, wanted } = tradeWrite(PLACE, { ...trade, ...rest }, null);
    await tables.views.insert({ table, key, columns: wanted ?? {} }, now);
  }
}

/** The windows in which something differs or is left, by what the audit says. */
function windowsOf({ findings }: Audited): ReadonlySet<number> {
  return new Set(findings.flatMap(({ windowStartMs }) => (windowStartMs === null ? [] : [windowStartMs])));
}

/** Only the part of a content that belongs to some windows. */
function within(
  content: ReadonlyMap<string, unknown>,
  isWanted: (windowStartMs: number) => boolean,
): Readonly<Record<string, unknown>> {
  const startOf = (name: string): number => {
    const times = name.split(' ').filter((part) => /^176\d{10}$/.test(part));
    // The last time of a key is the row's own; a bucket's stands before it.
    return Math.floor(Number(times.at(-1)) / WINDOW_MS) * WINDOW_MS;
  };
  return Object.fromEntries(
    [...content].filter(([name]) => isWanted(startOf(name))).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

test('a repair makes data right, or leaves it as it was and says so, whatever was damaged, strayed, redriven or undone before', async () => {
  const seen = { right: 0, rightSamples: 0, leftAlone: 0, undone: 0 };
  const property = fc.asyncProperty(batches, operations, fc.boolean(), async (planned, steps, isSampled) => {
    const pipeline = await createMemoryPipeline(planned, { isSampled });
    const givenUpBy = new Map(planned.map((batch, place) => [place + 1, batch.givenUpBy]));
    const isDoubtful = planned.some(({ place }) => place === 'astray only');
    let undoable: ReadonlyMap<string, unknown> | null = null;
    for (const { kind, which, how } of [...steps, { kind: 'repair' as const, which: 0, how: 0 }]) {
      if (kind === 'undo') {
        if (undoable === null) continue;
        await pipeline.undo();
        expect(within(contentOf(pipeline), () => true)).toEqual(within(undoable, () => true));
        seen.undone += 1;
      } else if (kind === 'damage') await damage(pipeline, planned, { which, how });
      else if (kind === 'redrive') {
        const waiting = pipeline.waiting();
        const sequence = waiting[which % Math.max(1, waiting.length)];
        if (sequence !== undefined) await pipeline.redrive(sequence);
      }
      undoable = null;
      if (kind !== 'repair') continue;

      const before = contentOf(pipeline);
      let audited = await pipeline.audit();
      const left = new Set<string>();
      const wasRight = audited.findings.length === 0;
      for (let round = 0; round < ROUNDS && audited.findings.length > 0; round++) {
        const summary = await pipeline.repair(audited);
        for (const line of summary.left) left.add(line);
        // A repair that has changed nothing leaves nothing to be undone.
        const changed = summary.windows + summary.candleRows + summary.tradeRows;
        if (changed > 0) undoable = round === 0 ? before : null;
        audited = await pipeline.audit();
      }
      const after = contentOf(pipeline);
      const right = rightContent(pipeline, givenUpBy, isSampled);
      const isLeft = (startMs: number): boolean =>
        [...left].some((line) => line.includes(`${SHARD} ${new Date(startMs).toISOString()}: in doubt`));
      // What differs still was left alone, and is as it was.
      for (const startMs of windowsOf(audited))
        expect(isLeft(startMs), audited.findings.map(({ what }) => what).join()).toBe(true);
      expect(within(after, isLeft)).toEqual(within(before, isLeft));
      // Nothing is left alone without a reason.
      const waiting = new Set(pipeline.waiting());
      const hasLetter = (startMs: number): boolean =>
        (pipeline.trades((sequence) => waiting.has(sequence)).get(startMs) ?? []).length > 0;
      for (let n = 0; n < WINDOWS; n++) {
        const startMs = BEGIN_MS + n * WINDOW_MS;
        if (isLeft(startMs)) expect(isDoubtful || hasLetter(startMs)).toBe(true);
        else if (isDoubtful)
          expect(within(after, (at) => at === startMs)).toEqual(within(before, (at) => at === startMs));
        else expect(within(after, (at) => at === startMs)).toEqual(within(right, (at) => at === startMs));
      }
      if (left.size > 0) seen.leftAlone += 1;
      else if (!wasRight) seen[isSampled ? 'rightSamples' : 'right'] += 1;
    }
  });
  // By chance one of these may not come in the first runs.
  for (let round = 0; round < MOST_ROUNDS && Object.values(seen).includes(0); round++)
    await fc.assert(property, { numRuns: RUNS });
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
});
