import type { SignalRow } from '../api.ts';
import { h } from '../dom.ts';
import type { TimeTexts } from '../format.ts';

/** The newest signals in words, newest first. */
export interface SignalList {
  readonly element: HTMLElement;
  /** @param signals Ascending. @param symbol Whose they are: it stands above and is not said again. */
  render(signals: readonly SignalRow[], symbol: string, texts: TimeTexts): void;
}

const MAX_SHOWN = 20;

/** The text of a signal without its symbol, with which it begins and which stands above. */
export function withoutSymbol(text: string, symbol: string): string {
  const rest = text.startsWith(symbol) ? text.slice(symbol.length) : '';
  return /^:? /.test(rest) ? rest.replace(/^:? /, '') : text;
}

/** Builds the list, empty. */
export function createSignalList(): SignalList {
  const element = h('ol', { class: 'signals', tabindex: 0, 'aria-label': 'Newest signals' });
  let drawn: Parameters<SignalList['render']> | null = null;
  return {
    element,
    render(...asked) {
      if (drawn !== null && asked.every((one, place) => one === drawn?.[place])) return;
      drawn = asked;
      const [signals, symbol, texts] = asked;
      element.replaceChildren(
        ...signals
          .slice(-MAX_SHOWN)
          .toReversed()
          .map(({ start, side, text, state }) => {
            const words = withoutSymbol(text, symbol);
            return h(
              'li',
              { class: `${side} ${state}` },
              h('time', { datetime: new Date(start).toISOString() }, texts.clock(start)),
              h('span', {}, `${words}${state === 'retracted' ? ' (taken back)' : ''}`),
            );
          }),
      );
    },
  };
}
