import { ROLLUP_LEVELS, type RollupLevel, type ViewCandle } from '@kandle/market/candle/rollup';
import type { PendingMark, RollupStore } from '../src/rollups/rollup-store.ts';

/** A 5-second candle as it is stored. */
export interface StoredCandle {
  readonly shard: string;
  readonly symbol: string;
  readonly candle: ViewCandle;
  readonly state: 'provisional' | 'final' | 'revised';
}

/** A store of rollups in memory, under the same contract as the one in Cassandra. */
export interface MemoryRollups extends RollupStore {
  /** Writes a 5-second candle; of several versions the newest stays. */
  put(stored: StoredCandle): void;
  /** All candles of a level, by shard, symbol and start. */
  at(level: RollupLevel['name']): ReadonlyMap<string, ViewCandle>;
}

/** An empty store. */
export function createMemoryRollups(): MemoryRollups {
  const fives = new Map<string, StoredCandle>();
  const levels = new Map(ROLLUP_LEVELS.map(({ name }) => [name, new Map<string, ViewCandle>()] as const));
  const marks = new Map<string, { readonly mark: PendingMark; readonly atUs: bigint }>();
  const keyOf = (shard: string, symbol: string, startMs: number): string => `${shard}|${symbol}|${startMs}`;
  const at = (level: RollupLevel['name']): Map<string, ViewCandle> => levels.get(level) ?? new Map();

  function partsOf({ name }: RollupLevel): ReadonlyMap<string, ViewCandle> {
    const below = ROLLUP_LEVELS.findIndex((level) => level.name === name) - 1;
    const lower = ROLLUP_LEVELS[below];
    if (lower !== undefined) return at(lower.name);
    const finals = [...fives].filter(([, { state }]) => state !== 'provisional');
    return new Map(finals.map(([key, { candle }]) => [key, candle]));
  }

  return {
    at,
    put(stored) {
      const key = keyOf(stored.shard, stored.symbol, stored.candle.startMs);
      if ((fives.get(key)?.candle.version ?? 0) <= stored.candle.version) fives.set(key, stored);
    },
    async readParts(level, { shard, startMs, symbols }) {
      const found = symbols.map((symbol) => {
        const parts = [...partsOf(level)]
          .filter(([text]) => text.startsWith(`${shard}|${symbol}|`))
          .map(([, candle]) => candle)
          .filter((candle) => startMs <= candle.startMs && candle.startMs < startMs + level.periodMs);
        return [symbol, parts] as const;
      });
      return new Map(found.filter(([, parts]) => parts.length > 0));
    },
    async write({ name }, shard, candles) {
      for (const [symbol, candle] of candles) {
        const text = keyOf(shard, symbol, candle.startMs);
        const before = at(name).get(text);
        if (before !== undefined && before.version > candle.version) continue;
        at(name).set(text, before?.version === candle.version ? mixed(before, candle) : candle);
      }
    },
    async mark(mark, atUs) {
      marks.set(`${mark.shard}|${mark.process}|${mark.minuteMs}|${mark.event}`, { mark, atUs });
    },
    async unmark({ shard, process, minuteMs }, cutUs) {
      for (const [key, { atUs }] of marks) {
        if (key.startsWith(`${shard}|${process}|${minuteMs}|`) && atUs <= cutUs) marks.delete(key);
      }
    },
    async readMarks() {
      return [...marks.values()].map(({ mark }) => mark);
    },
  };
}

/** Two writes of one timestamp: Cassandra keeps the larger value of each column. */
function mixed(left: ViewCandle, right: ViewCandle): ViewCandle {
  const values = new Map<string, unknown>(Object.entries(right));
  const larger = Object.entries(left).map(([name, value]) => {
    const other = values.get(name);
    return [name, Number(value) > Number(other) || String(value) > String(other) ? value : other] as const;
  });
  return { ...right, ...Object.fromEntries(larger) };
}
