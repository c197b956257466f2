import type { RejectReason } from '../event/rejects.ts';
import type { Trade } from '../trade/trade.ts';

/** What a feed record turned out to be. */
export type JudgedTrade =
  | { readonly kind: 'trade'; readonly trade: Trade }
  | { readonly kind: 'no_trade' }
  | { readonly kind: 'reject'; readonly reason: RejectReason; readonly detail: string };

/** What a record of another kind than a trade turned out to be. */
export type JudgedItems<T> =
  | { readonly kind: 'items'; readonly items: readonly T[] }
  | { readonly kind: 'reject'; readonly reason: RejectReason; readonly detail: string };
