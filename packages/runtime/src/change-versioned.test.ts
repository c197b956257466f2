import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Change, changeVersioned, type VersionedChange } from './change-versioned.ts';
import type { CasOutcome } from './conditional.ts';
import { RetryableError } from './errors.ts';

interface Row {
  readonly version: number;
  readonly holds: readonly string[];
}

/**
 * A versioned row in memory whose writes end as they are told to, and a process that adds a word to it once.
 */
function rowOf(outcomes: (CasOutcome | 'unknown_applied')[], rivals: string[] = []) {
  let row: Row = { version: 0, holds: [] };
  const seen = { reads: 0, writes: 0, waits: [] as number[] };
  async function compareAndSet(next: Row): Promise<CasOutcome> {
    seen.writes += 1;
    const rival = rivals.shift();
    if (rival !== undefined) row = { version: row.version + 1, holds: [...row.holds, rival] };
    if (row.version !== next.version - 1) return 'lost';
    const fate = outcomes.shift() ?? 'applied';
    if (fate === 'applied' || fate === 'unknown_applied') row = next;
    return fate === 'unknown_applied' ? 'unknown' : fate;
  }
  const adding = (word: string): VersionedChange<Row, Row> => ({
    action: 'add a word',
    facts: { word },
    maxAttempts: 4,
    backOff: async (attempt) => void seen.waits.push(attempt),
    async read() {
      seen.reads += 1;
      return row;
    },
    change(state) {
      if (state.holds.includes(word)) return { kind: 'done', result: state };
      const next = { version: state.version + 1, holds: [...state.holds, word] };
      return { kind: 'write', write: () => compareAndSet(next), result: next };
    },
  });
  return { adding, seen, row: () => row };
}

test('changeVersioned() writes once and waits for nothing, when nobody else writes', async () => {
  const { adding, seen } = rowOf([]);
  expect(await changeVersioned(adding('A'))).toEqual({ version: 1, holds: ['A'] });
  expect(seen).toEqual({ reads: 1, writes: 1, waits: [] });
});

test('changeVersioned() writes nothing, when the state is as it ought to be', async () => {
  const { adding, seen } = rowOf([]);
  await changeVersioned(adding('A'));
  expect(await changeVersioned(adding('A'))).toEqual({ version: 1, holds: ['A'] });
  expect(seen.writes).toBe(1);
});

test('changeVersioned() reads and writes again at once after the first lost race, and waits longer after each further', async () => {
  const { adding, seen, row } = rowOf([], ['B', 'C', 'D']);
  await changeVersioned(adding('A'));
  expect(row().holds).toEqual(['B', 'C', 'D', 'A']);
  expect(seen).toEqual({ reads: 4, writes: 4, waits: [1, 2] });
});

test.each([
  ['took effect', 'unknown_applied', 1],
  ['did not take effect', 'unknown', 2],
] as const)(
  'changeVersioned() waits, reads and adds the word once, when a write of unknown outcome %s',
  async (_, fate, writes) => {
    const { adding, seen, row } = rowOf([fate]);
    await changeVersioned(adding('A'));
    expect(row()).toEqual({ version: 1, holds: ['A'] });
    expect(seen).toEqual({ reads: 2, writes, waits: [0] });
  },
);

test('changeVersioned() gives up with the facts as fields, when every race is lost', async () => {
  const { adding, seen } = rowOf([], ['B', 'C', 'D', 'E', 'F']);
  const error: unknown = await changeVersioned(adding('A')).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RetryableError);
  expect(error).toMatchObject({ message: 'Cannot add a word: lost every race', facts: { word: 'A' } });
  expect(seen.writes).toBe(4);
});

test('changeVersioned() looks again, when it is told to after a read or after an applied write', async () => {
  const { adding, seen } = rowOf([]);
  const lasts: (CasOutcome | null)[] = [];
  const change = adding('A');
  const result = await changeVersioned({
    ...change,
    async change(state, last): Promise<Change<Row>> {
      lasts.push(last);
      if (seen.reads === 1) return { kind: 'look_again' };
      const decided = await change.change(state, last);
      return decided.kind === 'write' ? { ...decided, result: null } : decided;
    },
  });
  expect(result).toEqual({ version: 1, holds: ['A'] });
  expect(lasts).toEqual([null, null, 'applied']);
  expect(seen).toEqual({ reads: 3, writes: 1, waits: [] });
});

test('changeVersioned() catches nothing that is thrown', async () => {
  const { adding } = rowOf([]);
  const fault = new Error('away');
  const fails = { ...adding('A'), read: () => Promise.reject(fault) };
  await expect(changeVersioned(fails)).rejects.toBe(fault);
});

test('changeVersioned() adds every word once, when many race, with writes lost, delayed and of unknown outcome', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.scheduler(), fc.gen(), async (count, s, g) => {
      let row: Row = { version: 0, holds: [] };
      const late: (() => void)[] = [];
      const words = Array.from({ length: count }, (_, n) => `W${n}`);
      async function compareAndSet(next: Row): Promise<CasOutcome> {
        await s.schedule(Promise.resolve());
        const effect = (): boolean => {
          const isApplied = row.version === next.version - 1;
          if (isApplied) row = next;
          return isApplied;
        };
        const fate = g(fc.integer, { min: 0, max: 9 });
        if (fate === 0) return 'unknown';
        if (fate === 1) {
          late.push(effect);
          return 'unknown';
        }
        if (fate === 2) late.splice(0).forEach((write) => write());
        const isApplied = effect();
        return fate === 3 ? 'unknown' : isApplied ? 'applied' : 'lost';
      }
      const done = Promise.all(
        words.map((word) =>
          changeVersioned<Row, Row>({
            action: 'add a word',
            facts: {},
            maxAttempts: 200,
            backOff: () => s.schedule(Promise.resolve()),
            async read() {
              await s.schedule(Promise.resolve());
              return row;
            },
            change(state) {
              if (state.holds.includes(word)) return { kind: 'done', result: state };
              const next = { version: state.version + 1, holds: [...state.holds, word] };
              return { kind: 'write', write: () => compareAndSet(next), result: next };
            },
          }),
        ),
      );
      await s.waitFor(done);
      late.forEach((write) => write());
      expect(row.holds.toSorted()).toEqual(words);
      expect(row.version).toBe(count);
    }),
  );
});
