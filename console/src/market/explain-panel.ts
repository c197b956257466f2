import {
  ApiError,
  ask,
  type CandleRow,
  type Explained,
  ExplainedSchema,
  pathOf,
  type Series,
} from '../api.ts';
import { button, h } from '../dom.ts';
import { formatAmount, formatCount, formatPrice, type TimeTexts } from '../format.ts';

/** The panel that says what a candle is made of. */
export interface ExplainPanel {
  readonly element: HTMLElement;
  open(series: Series, start: number, texts: TimeTexts, digits: number): Promise<void>;
  close(): void;
}

/** Trades that are listed; the others are counted. */
const MAX_TRADES = 100;

/** Builds the panel, closed. */
export function createExplainPanel(): ExplainPanel {
  const content = h('div', {
    class: 'content',
    tabindex: 0,
    role: 'region',
    'aria-label': 'What the candle is made of',
  });
  const element = h(
    'aside',
    { class: 'explain', hidden: true, 'aria-label': 'The candle explained' },
    button('×', close, { class: 'close', 'aria-label': 'Close' }),
    content,
  );
  let wanted = '';

  function close(): void {
    element.hidden = true;
    wanted = '';
  }

  return {
    element,
    close,
    async open({ feed, symbol }, start, texts, digits) {
      const own = `${feed} ${symbol} ${start}`;
      wanted = own;
      element.hidden = false;
      const title = h('h2', {}, texts.full(start));
      content.replaceChildren(title, h('p', { class: 'note' }, 'Reading …'));
      content.focus({ preventScroll: true });
      try {
        const explained = await ask(ExplainedSchema, pathOf('/v1/explain', { feed, symbol, start }));
        if (wanted === own) content.replaceChildren(title, ...describe(explained, texts, digits));
      } catch (error) {
        const text = error instanceof ApiError ? error.message : 'It could not be read';
        if (wanted === own) content.replaceChildren(title, h('p', { class: 'problem' }, text));
      }
    },
  };
}

function describe(explained: Explained, texts: TimeTexts, digits: number): readonly Node[] {
  const { candle, versions, trades, gaps, notes, counted, rejects = [] } = explained;
  const isFilled = trades.some(({ backfilled }) => typeof backfilled === 'string');
  return [
    candle === null ? h('p', { class: 'note' }, 'No candle.') : candleFacts(candle, digits),
    h('ul', { class: 'notes' }, ...notes.map((note) => h('li', {}, note))),
    section(
      `Trades (${formatCount(counted.trades)})`,
      trades.length === 0
        ? null
        : table(
            ['Time', 'Price', 'Size', 'Codes', 'Counted for', ...(isFilled ? ['From'] : [])],
            trades
              .slice(-MAX_TRADES)
              .toReversed()
              .map(({ time, price, size, conditions, backfilled, counted_for: countedFor }) => [
                `${texts.clock(time)}.${String(time % 1_000).padStart(3, '0')}`,
                formatPrice(price, digits),
                formatAmount(size),
                conditions ?? '',
                countedFor ?? '',
                ...(isFilled ? [backfilled ?? 'the feed'] : []),
              ]),
            'trades',
          ),
      trades.length > MAX_TRADES ? `The last ${MAX_TRADES} of ${formatCount(trades.length)}.` : null,
    ),
    section(
      `Versions (${versions.length})`,
      versions.length === 0
        ? null
        : table(
            ['Version', 'State', 'Close', 'Trades', 'Why'],
            versions.map(({ version, state, close, trade_count: count, reason }) => [
              String(version),
              state,
              formatPrice(close, digits),
              formatCount(count),
              reason ?? '',
            ]),
          ),
      versions.length === 0 ? 'Not final yet.' : null,
    ),
    section(
      `Refused records (${rejects.length})`,
      rejects.length === 0
        ? null
        : table(
            ['Why', 'Detail'],
            rejects.map(({ reason, detail }) => [reason, detail]),
          ),
      rejects.length === 0 ? 'None is known of this symbol and time.' : null,
    ),
    section(
      `Gaps of the feed (${gaps.length})`,
      gaps.length === 0
        ? null
        : table(
            ['From', 'To', 'Why', 'Shard'],
            gaps.map((gap) => [texts.clock(gap.from_time), texts.clock(gap.to_time), gap.reason, gap.shard]),
          ),
      gaps.length === 0 ? 'None touches it.' : null,
    ),
  ];
}

function candleFacts(candle: CandleRow, digits: number): HTMLElement {
  const facts: readonly (readonly [string, string])[] = [
    ['Open', formatPrice(candle.open, digits)],
    ['High', formatPrice(candle.high, digits)],
    ['Low', formatPrice(candle.low, digits)],
    ['Close', formatPrice(candle.close, digits)],
    ['VWAP', formatPrice(candle.vwap, digits)],
    ['Volume', formatAmount(candle.volume ?? 0)],
    ['Trades', formatCount(candle.trade_count)],
    ['State', candle.revision > 0 ? `${candle.state} (${candle.revision}×)` : candle.state],
  ];
  return h(
    'dl',
    { class: 'facts' },
    ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
  );
}

function section(title: string, body: Node | null, note: string | null): HTMLElement {
  return h('section', {}, h('h3', {}, title), body, note === null ? null : h('p', { class: 'note' }, note));
}

/** A table of texts. @param kind A class of its own. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  kind: string | null = null,
): HTMLElement {
  return h(
    'table',
    { class: kind },
    h('thead', {}, h('tr', {}, ...head.map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, ...rows.map((cells) => h('tr', {}, ...cells.map((text) => h('td', {}, text))))),
  );
}
