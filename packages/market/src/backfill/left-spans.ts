import { type LeftSpan, MAX_LEFT } from '../feed/feed-gap.ts';
import type { GapSpans } from '../window/gap-spans.ts';

/** Every symbol of a shard. */
export const ALL_SYMBOLS = '*';

/**
 * What a gap lacks still, once a source has told all that was traded in some stretches.
 *
 * @param covered The stretches of a symbol, both ends included, in any order; none of a symbol that the source
 *   does not have.
 */
export function leftAfter(
  left: readonly LeftSpan[],
  covered: (symbol: string) => GapSpans,
): readonly LeftSpan[] {
  return left.flatMap((span) => {
    let rest: readonly LeftSpan[] = [span];
    for (const [fromMs, toMs] of covered(span.symbol))
      rest = rest.flatMap((one) => without(one, fromMs, toMs));
    return rest;
  });
}

function without(span: LeftSpan, fromMs: number, toMs: number): readonly LeftSpan[] {
  if (toMs < span.fromMs || fromMs > span.toMs) return [span];
  return [
    ...(span.fromMs < fromMs ? [{ ...span, toMs: fromMs - 1 }] : []),
    ...(toMs < span.toMs ? [{ ...span, fromMs: toMs + 1 }] : []),
  ];
}

/** As much as a report may tell: more stretches than that become one, of every symbol. */
export function shortened(left: readonly LeftSpan[]): readonly LeftSpan[] {
  if (left.length <= MAX_LEFT) return left;
  const fromMs = left.reduce((min, span) => Math.min(min, span.fromMs), Number.POSITIVE_INFINITY);
  const toMs = left.reduce((max, span) => Math.max(max, span.toMs), 0);
  return [{ symbol: ALL_SYMBOLS, fromMs, toMs }];
}

/** The same for each of the shard's symbols by name. @param symbols Those that are known of the shard. */
export function bySymbol(left: readonly LeftSpan[], symbols: Iterable<string>): readonly LeftSpan[] {
  const names = [...symbols].toSorted();
  return left.flatMap((span) =>
    span.symbol === ALL_SYMBOLS ? names.map((symbol) => ({ ...span, symbol })) : [span],
  );
}
