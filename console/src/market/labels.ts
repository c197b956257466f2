import * as z from 'zod/mini';
import { ask } from '../api.ts';
import { setText } from '../dom.ts';

const InstrumentSchema = z.object({
  feed: z.string(),
  symbol: z.string(),
  description: z.string(),
  market: z.string(),
  currency: z.string(),
  type: z.string(),
});
const AnswerSchema = z.object({ rows: z.array(InstrumentSchema) });

/** Symbols of one question: an address must not get too long. */
const AT_ONCE = 50;
/** A list that is drawn anew changes many times in a row. */
const SETTLE_MS = 300;

/**
 * Writes what the vendors' lists say of a symbol beside it, for the items of a list as they come: each is an
 * `li` whose `data-key` is feed and symbol. What no list names, or nobody answers, stays as it is.
 */
export function labelSymbols(list: HTMLElement): void {
  const waiting = new Map<string, HTMLElement>();
  let timer = 0;

  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node instanceof HTMLElement && node.dataset['label'] === undefined)
          waiting.set(node.dataset['key'] ?? '', node);
    if (waiting.size > 0 && timer === 0) timer = window.setTimeout(() => void label(), SETTLE_MS);
  }).observe(list, { childList: true });

  async function label(): Promise<void> {
    const items = [...waiting].slice(0, AT_ONCE);
    for (const [key] of items) waiting.delete(key);
    const query = new URLSearchParams({ status: 'active' });
    for (const [key] of items) query.append('symbol', key.slice(key.indexOf(' ') + 1));
    try {
      const { rows } = await ask(AnswerSchema, `/v1/instruments?${query.toString()}`);
      const byKey = new Map(rows.map((row) => [`${row.feed} ${row.symbol}`, row]));
      for (const [key, item] of items) write(item, byKey.get(key));
    } catch {
      // A label is no reason to tell of a fault; the list asks again when it is drawn anew.
    }
    timer = waiting.size > 0 ? window.setTimeout(() => void label(), 0) : 0;
  }
}

function write(item: HTMLElement, row: z.infer<typeof InstrumentSchema> | undefined): void {
  const text = row?.description ?? '';
  item.dataset['label'] = text;
  const place = item.querySelector('.kind');
  if (row === undefined || text === '' || place === null) return;
  setText(place, text);
  const facts = [row.market, row.currency, row.type].filter((fact) => fact !== '').join(', ');
  item.querySelector('button')?.setAttribute('title', `${row.symbol} of ${row.feed}: ${text} (${facts})`);
}
