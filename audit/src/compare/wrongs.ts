import type { Gap } from '../read/raw-batch.ts';
import type { GapRow } from '../read/stored.ts';
import type { RollupTable } from '../values/periods.ts';
import type { WrongRollup } from './compare-rollups.ts';
import type { WrongWindow } from './compare-stretch.ts';

/** What is wrong and what it should be, for the repair. */
export interface Wrongs {
  readonly windows: readonly WrongWindow[];
  readonly gaps: readonly WrongGap[];
  readonly extraGaps: readonly GapRow[];
  /** Final windows that do not know that a gap touches them, or think so without one. */
  readonly incomplete: readonly WrongCompleteness[];
  /** Longer candles that are not what their parts make. */
  readonly rollups: readonly PlacedRollup[];
  /** Windows of a symbol that have rows in the views, and of which the log says nothing. */
  readonly unseen: readonly UnseenRows[];
}

/** A gap whose row is not as it should be; `found` null where it has none. */
export interface WrongGap {
  readonly gap: Gap;
  readonly found: GapRow | null;
}

/** A window that is to become incomplete, or complete. */
export interface WrongCompleteness {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly isIncomplete: boolean;
}

/** A longer candle that is wrong, and where it stands. */
export interface PlacedRollup extends WrongRollup {
  readonly feed: string;
  readonly symbol: string;
  readonly shard: string;
  readonly table: RollupTable;
}

/** Where rows are that nothing explains. */
export interface UnseenRows {
  readonly feed: string;
  readonly symbol: string;
  readonly shard: string;
  readonly windowStartMs: number;
  /** The log knows the shard. */
  readonly isKnownShard: boolean;
}
