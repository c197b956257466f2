import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createVersionedRows, type DrawPlan, type VersionedRow } from './versioned-rows.ts';

type Row = VersionedRow & { readonly isVoid: boolean };

/** A chart as strict as the real one about old rows. */
function createStrictChart() {
  let rows: Row[] = [];
  return {
    rows: () => rows,
    carryOut(plan: DrawPlan<Row>): void {
      if (plan.kind === 'all') rows = [...plan.rows];
      if (plan.kind !== 'update') return;
      const place = rows.findIndex(({ start }) => start === plan.row.start);
      const last = rows.at(-1)?.start ?? Number.NEGATIVE_INFINITY;
      if (plan.isOld && place < 0) throw new Error('nothing stands there');
      if (!plan.isOld && plan.row.start < last) throw new Error('older than the last');
      if (place < 0) rows.push(plan.row);
      else rows[place] = plan.row;
    },
  };
}

const newRows = () => createVersionedRows<Row>(({ isVoid }) => !isVoid);
const row = (start: number, version: number, isVoid = false): Row => ({ start, version, isVoid });

test('a plan carried out by a strict chart shows the newest version of every row, in whatever order they came', () => {
  const some = fc.array(
    fc.record({ start: fc.nat({ max: 6 }), version: fc.nat({ max: 4 }), isVoid: fc.boolean() }),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(fc.array(some, { maxLength: 12 }), (steps) => {
      const rows = newRows();
      const chart = createStrictChart();
      const newest = new Map<number, Row>();
      for (const step of steps) {
        rows.take(step);
        for (const one of step)
          if ((newest.get(one.start)?.version ?? -1) < one.version) newest.set(one.start, one);
        chart.carryOut(rows.plan());
        const expected = [...newest.values()]
          .filter(({ isVoid }) => !isVoid)
          .toSorted((a, b) => a.start - b.start);
        expect(chart.rows()).toEqual(expected);
        expect(rows.shown()).toEqual(expected);
      }
    }),
  );
});

test('plan() is first all of it: what stands there may be of another series, and newer', () => {
  const rows = newRows();
  rows.take([row(1, 1)]);
  expect(rows.plan()).toEqual({ kind: 'all', rows: [row(1, 1)] });
  expect(newRows().plan()).toEqual({ kind: 'all', rows: [] });
});

test('plan() updates one row that is drawn or is the newest, and says which of them is old', () => {
  const rows = newRows();
  rows.take([row(1, 1), row(2, 1)]);
  expect(rows.plan()).toMatchObject({ kind: 'all' });
  expect(rows.plan()).toEqual({ kind: 'nothing' });
  rows.take([row(3, 1)]);
  expect(rows.plan()).toEqual({ kind: 'update', row: row(3, 1), isOld: false });
  rows.take([row(1, 2)]);
  expect(rows.plan()).toEqual({ kind: 'update', row: row(1, 2), isOld: true });
  rows.take([row(3, 2)]);
  expect(rows.plan()).toEqual({ kind: 'update', row: row(3, 2), isOld: false });
});

test('plan() draws all anew where a formerly empty window is filled, and where a row is taken back', () => {
  const rows = newRows();
  rows.take([row(1, 1), row(5, 1)]);
  rows.plan();
  rows.take([row(3, 1)]);
  expect(rows.plan()).toMatchObject({ kind: 'all' });
  rows.take([row(3, 2, true)]);
  expect(rows.plan()).toEqual({ kind: 'all', rows: [row(1, 1), row(5, 1)] });
});

test('take() keeps the higher version and tells what has changed', () => {
  const rows = newRows();
  expect(rows.take([row(1, 2), row(1, 1), row(2, 1)])).toEqual([1, 2]);
  expect(rows.take([row(1, 2)])).toEqual([]);
  expect(rows.get(1)?.version).toBe(2);
});
