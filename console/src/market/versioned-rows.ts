/** A row of which the newest version counts. */
export interface VersionedRow {
  /** Epoch milliseconds; names the row. */
  readonly start: number;
  readonly version: number;
}

/** What is to be done with a drawn series, so that it shows what is known. */
export type DrawPlan<Row> =
  | { readonly kind: 'nothing' }
  /** One row has changed that is drawn, or stands behind all that are. */
  | { readonly kind: 'update'; readonly row: Row; readonly isOld: boolean }
  /** Anything else: all of it anew. */
  | { readonly kind: 'all'; readonly rows: readonly Row[] };

/** Rows by their start, the highest version of each, from lists and streams in any order. */
export interface VersionedRows<Row extends VersionedRow> {
  /** @returns The starts whose row became another one. */
  take(rows: Iterable<Row>): readonly number[];
  get(start: number): Row | undefined;
  /** What is to be seen, ascending. */
  shown(): readonly Row[];
  /**
   * What to draw so that the series shows what is known, given that every plan before was carried out.
   * Commutative with `take`: many rows between two plans are one plan.
   */
  plan(): DrawPlan<Row>;
  /** Nothing is drawn any more: the next plan is all of it. */
  forget(): void;
}

/** An empty series. @param isShown False for a row that takes back what stood there: a voided candle. */
export function createVersionedRows<Row extends VersionedRow>(
  isShown: (row: Row) => boolean,
): VersionedRows<Row> {
  const known = new Map<number, Row>();
  let sorted: readonly Row[] | null = [];
  const drawn = new Set<number>();
  let lastDrawn = Number.NEGATIVE_INFINITY;
  const changed = new Set<number>();
  let isForgotten = true;

  function shown(): readonly Row[] {
    sorted ??= [...known.values()].filter(isShown).toSorted((a, b) => a.start - b.start);
    return sorted;
  }

  return {
    take(rows) {
      const starts: number[] = [];
      for (const row of rows) {
        const old = known.get(row.start);
        if (old !== undefined && old.version >= row.version) continue;
        known.set(row.start, row);
        changed.add(row.start);
        starts.push(row.start);
      }
      if (starts.length > 0) sorted = null;
      return starts;
    },
    get: (start) => known.get(start),
    shown,
    plan() {
      if (changed.size === 0 && !isForgotten) return { kind: 'nothing' };
      const [start, ...more] = isForgotten ? [] : changed;
      changed.clear();
      isForgotten = false;
      const row = start === undefined ? undefined : known.get(start);
      if (more.length === 0 && row !== undefined && isShown(row)) {
        // The chart refuses an old row where none stands yet.
        if (drawn.has(row.start)) return { kind: 'update', row, isOld: row.start !== lastDrawn };
        if (row.start > lastDrawn) {
          drawn.add(row.start);
          lastDrawn = row.start;
          return { kind: 'update', row, isOld: false };
        }
      } else if (more.length === 0 && row !== undefined && !drawn.has(row.start)) return { kind: 'nothing' };
      const rows = shown();
      drawn.clear();
      for (const one of rows) drawn.add(one.start);
      lastDrawn = rows.at(-1)?.start ?? Number.NEGATIVE_INFINITY;
      return { kind: 'all', rows };
    },
    forget() {
      isForgotten = true;
    },
  };
}
