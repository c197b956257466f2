import type { RefusedSymbol, Subscriptions } from '@kandle/market/feed/subscriptions';
import type { Logger } from '@kandle/runtime/log';

/** What the vendor says is wrong: each text is logged once a connection, and the symbols that it refuses. */
export interface VendorErrors {
  /** A new connection: everything is asked for again. */
  begin(): void;
  onError(message: string): void;
  /** The vendor has answered to what was asked for: these symbols do not come. */
  onRefused(refused: readonly RefusedSymbol[]): void;
  /** A record of a symbol came: it is not refused. Cheap. */
  heard(symbol: string): void;
  /** Names the refused symbols, when the vendor has said nothing more about them for a moment. */
  onTick(): void;
}

/** How long after a refusal the vendor may still be refusing others. */
const REFUSALS_MS = 1_000;
/** Most refused symbols that the log names; `/status` has all. */
const MAX_NAMED = 20;
/** Most different errors of a connection that are logged: vendors repeat themselves, for each of thousands. */
const MAX_TOLD = 100;

/** Nothing was said yet. */
export function createVendorErrors(
  subscriptions: Subscriptions,
  { monotonicMs, log }: { readonly monotonicMs: () => number; readonly log: Logger },
): VendorErrors {
  const told = new Set<string>();
  let hasRefusals = false;
  let refusedAtMs: number | null = null;

  return {
    begin() {
      told.clear();
      hasRefusals = false;
      subscriptions.begin();
    },
    onError(message) {
      if (subscriptions.refuse(message)) {
        hasRefusals = true;
        refusedAtMs = monotonicMs();
      }
      if (told.has(message) || told.size >= MAX_TOLD) return;
      told.add(message);
      log.error(`the feed says: ${message}`);
    },
    onRefused(refused) {
      for (const one of refused) {
        if (!subscriptions.refuseSymbol(one)) continue;
        hasRefusals = true;
        refusedAtMs = monotonicMs();
      }
    },
    heard(symbol) {
      if (hasRefusals) subscriptions.heard(symbol);
    },
    onTick() {
      if (refusedAtMs === null || monotonicMs() - refusedAtMs < REFUSALS_MS) return;
      refusedAtMs = null;
      const symbols = subscriptions.refused().map(({ symbol }) => symbol);
      const more = symbols.length > MAX_NAMED ? ` and ${symbols.length - MAX_NAMED} more` : '';
      log.error(
        `The feed refuses ${symbols.length} symbols: ${symbols.slice(0, MAX_NAMED).join(', ')}${more}. The others go on`,
      );
    },
  };
}
