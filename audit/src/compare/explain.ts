import type { StoredRow } from '../read/window-rows.ts';
import type { ExpectedRow, PlacedTrade } from '../recompute/expected-window.ts';
import { hashSumOf } from '../recompute/trade-hash.ts';

/** What tells sets of trades apart: their number, volume and id hashes, by symbol. */
type Sums = ReadonlyMap<string, { readonly count: number; readonly volume: bigint; readonly hash: bigint }>;

/**
 * Says which batch makes the difference between a window as it is and as it should be, if one batch alone
 * explains it.
 *
 * @param trades What the window should hold.
 */
export function explainWindow(
  trades: readonly PlacedTrade[],
  expected: ReadonlyMap<string, ExpectedRow>,
  found: ReadonlyMap<string, StoredRow>,
): string | null {
  const surplus = subtract(sumsFound(found), sumsExpected(expected));
  const deficit = subtract(sumsExpected(expected), sumsFound(found));
  for (const [name, of] of Map.groupBy(trades, ({ epoch, sequence }) => `${epoch}:${sequence}`)) {
    const sums = sumsOf(of);
    if (isSame(surplus, sums)) return `batch ${name} is counted twice`;
    if (isSame(deficit, sums)) return `batch ${name} is not counted`;
  }
  return null;
}

function sumsOf(trades: readonly PlacedTrade[]): Sums {
  return new Map(
    [...Map.groupBy(trades, ({ symbol }) => symbol)].map(([symbol, list]) => [
      symbol,
      {
        count: list.length,
        volume: list.reduce((sum, { sizeE8 }) => sum + sizeE8, 0n),
        hash: hashSumOf(list.map(({ id }) => id)),
      },
    ]),
  );
}

function sumsExpected(rows: ReadonlyMap<string, ExpectedRow>): Sums {
  return new Map(
    [...rows].map(([symbol, { tradeCount, volumeE8, idHashSum }]) => [
      symbol,
      { count: tradeCount, volume: volumeE8, hash: idHashSum },
    ]),
  );
}

function sumsFound(rows: ReadonlyMap<string, StoredRow>): Sums {
  return new Map(
    [...rows].map(([symbol, { columns }]) => [
      symbol,
      {
        count: Number(columns['trade_count']),
        volume: BigInt(columns['volume_e8'] ?? 0),
        hash: BigInt(columns['id_hash_sum'] ?? 0),
      },
    ]),
  );
}

function subtract(a: Sums, b: Sums): Sums {
  const difference = [...new Set([...a.keys(), ...b.keys()])].map((symbol) => {
    const [left, right] = [a.get(symbol), b.get(symbol)];
    return [
      symbol,
      {
        count: (left?.count ?? 0) - (right?.count ?? 0),
        volume: (left?.volume ?? 0n) - (right?.volume ?? 0n),
        hash: BigInt.asUintN(64, (left?.hash ?? 0n) - (right?.hash ?? 0n)),
      },
    ] as const;
  });
  return new Map(
    difference.filter(([, { count, volume, hash }]) => count !== 0 || volume !== 0n || hash !== 0n),
  );
}

function isSame(a: Sums, b: Sums): boolean {
  if (a.size === 0 || a.size !== b.size) return false;
  return [...a].every(([symbol, { count, volume, hash }]) => {
    const other = b.get(symbol);
    return other?.count === count && other.volume === volume && other.hash === hash;
  });
}
