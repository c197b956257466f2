import * as z from 'zod/mini';
import { ApiError, ask } from '../api.ts';
import { button, h, setText } from '../dom.ts';
import { formatAmount, formatCount, formatMs, formatRate, type TimeTexts } from '../format.ts';
import { pretty } from '../pretty.ts';
import { tableOf } from '../table.ts';
import type { View } from '../view.ts';
import { createFlowPicture } from './flow-picture.ts';
import { type Letter, LetterSchema, type RunFacts, RunSchema } from './run-facts.ts';

const LOOK_EVERY_MS = 1_000;
const LETTERS_EVERY_MS = 10_000;
/** In steps: for an animation of the style sheet the browser would work in each of its frames. */
const MOVE_EVERY_MS = 80;

/** How the run is doing; what it shows only the launcher on this machine knows. */
export function createPipelineView(texts: () => TimeTexts): View {
  const picture = createFlowPicture();
  const tiles = h('dl', { class: 'tiles' });
  const functions = h('div', {});
  const refusals = h('div', {});
  const letters = h('div', { class: 'letters' });
  const said = h('p', { class: 'note', role: 'status' });
  const absent = h(
    'p',
    { class: 'note' },
    'This page is for the launcher on one machine (npm start). On a cluster the same facts are in Prometheus and Grafana.',
  );
  const content = h(
    'div',
    { hidden: true },
    picture.element,
    tiles,
    h('h2', {}, 'Functions'),
    functions,
    h('h2', {}, 'Refused records'),
    refusals,
    h('h2', {}, 'Dead letters'),
    said,
    letters,
  );
  const element = h(
    'section',
    { class: 'page', 'aria-label': 'Pipeline' },
    h('h1', {}, 'Pipeline'),
    absent,
    content,
  );
  let isShown = false;
  let lettersDueMs = 0;
  let shownLetters = '';

  async function look(): Promise<void> {
    if (!isShown || document.hidden) return;
    try {
      render(await ask(RunSchema, '/local/run'));
      content.hidden = false;
      absent.hidden = true;
      if (performance.now() >= lettersDueMs) {
        lettersDueMs = performance.now() + LETTERS_EVERY_MS;
        renderLetters(await ask(z.array(LetterSchema), '/local/dead-letters'));
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (content.hidden) absent.hidden = false;
      else setText(said, `Stale: ${error.message}`);
    }
  }

  function render(run: RunFacts): void {
    picture.render(run);
    const { feed, lastAudit } = run;
    const facts: readonly (readonly [string, string, string?])[] = [
      ['Feed', feed.status, feed.name],
      ['Trades', formatCount(feed.trades), `${formatRate(feed.tradesPerSecond)}/s`],
      ['Final candles', formatCount(run.candles), `of ${run.activeSymbols} symbols`],
      ['Signals', formatCount(run.signalCount)],
      ['Refused', formatCount(run.rejects), 'events'],
      ['Dead letters', formatCount(run.deadLetters), 'of this run'],
      ['Up', formatMs(run.upMs)],
      [
        'Last audit',
        lastAudit?.verdict ?? 'none yet',
        lastAudit === null
          ? 'npm run audit'
          : `${formatAmount(lastAudit.tradesChecked)} trades, ${texts().full(lastAudit.finishedMs)}`,
      ],
    ];
    tiles.replaceChildren(
      ...facts.map(([name, value, more = '']) =>
        h('div', {}, h('dt', {}, name), h('dd', {}, value), h('dd', { class: 'more' }, more)),
      ),
    );
    const sourcesOf = (name: string) => run.sources.filter(({ sink }) => sink === name);
    replaceKeepingScroll(
      functions,
      tableOf(
        'Functions',
        [
          'Function',
          'Processes',
          'Events/s',
          'Waiting',
          'p99',
          'Cold starts',
          'Last start',
          'Retries',
          'Given up',
        ],
        run.functions.map((one) => {
          const sources = sourcesOf(one.name);
          const sum = (of: (source: (typeof sources)[number]) => number) =>
            formatCount(sources.reduce((all, source) => all + of(source), 0));
          const processes = one.ready + one.starting;
          return [
            one.name,
            processes === 0 ? 'asleep' : String(processes),
            formatRate(one.requestsPerSecond),
            sum(({ lag }) => lag ?? 0),
            formatMs(one.p99Ms),
            formatCount(one.coldStarts),
            formatMs(one.lastStartMs),
            sum(({ retries }) => retries),
            sum(({ deadLettered, dropped }) => deadLettered + dropped),
          ];
        }),
      ),
    );
    replaceKeepingScroll(
      refusals,
      run.refusals.length === 0
        ? h('p', { class: 'note' }, 'None in this run.')
        : tableOf(
            'Refused records by reason',
            ['Why', 'Records'],
            run.refusals.map(([reason, count]) => [reason, formatCount(count)]),
          ),
    );
  }

  function renderLetters(found: readonly Letter[]): void {
    const text = JSON.stringify(
      found.map(({ partition, offset, isRedriven }) => [partition, offset, isRedriven]),
    );
    if (text === shownLetters) return;
    shownLetters = text;
    letters.replaceChildren(
      ...(found.length === 0
        ? [h('p', { class: 'note' }, 'There is none: every event was taken.')]
        : found.map(letterOf)),
    );
  }

  function letterOf(letter: Letter): HTMLElement {
    const { id, type, destination, status, reason, isRedriven, writtenMs, headers, value } = letter;
    return h(
      'details',
      { class: 'letter', 'data-id': id },
      h(
        'summary',
        {},
        h('time', {}, texts().full(writtenMs)),
        h('b', {}, ` ${destination === '' ? 'a function' : destination} `),
        h('span', {}, `${status === '' ? 'no answer' : status} · ${reason || 'no reason given'}`),
        isRedriven ? h('span', { class: 'state revised' }, 'sent again') : null,
      ),
      h('p', { class: 'note' }, `${type} ${id}, partition ${letter.partition}, offset ${letter.offset}`),
      isRedriven ? null : button('Send it again', () => void redrive(id), { class: 'redrive' }),
      h('h3', {}, 'Headers'),
      h(
        'pre',
        { tabindex: 0, 'aria-label': 'Headers' },
        Object.entries(headers)
          .map(([name, text]) => `${name}: ${text}`)
          .join('\n'),
      ),
      h('h3', {}, 'Content'),
      h('pre', { tabindex: 0, 'aria-label': 'Content' }, pretty(value)),
    );
  }

  async function redrive(id: string): Promise<void> {
    setText(said, `Sending ${id} again …`);
    try {
      const { said: answer } = await ask(z.object({ said: z.string() }), '/local/redrive', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ id }),
        signal: AbortSignal.timeout(120_000),
      });
      setText(said, answer);
    } catch (error) {
      setText(said, error instanceof ApiError ? error.message : 'It could not be sent');
    }
    lettersDueMs = 0;
    await look();
  }

  setInterval(() => void look(), LOOK_EVERY_MS);
  const isStill = matchMedia('(prefers-reduced-motion: reduce)');
  setInterval(() => {
    if (isShown && !document.hidden && !isStill.matches) picture.move(MOVE_EVERY_MS / 1_000);
  }, MOVE_EVERY_MS);
  return {
    element,
    show(next) {
      isShown = next;
      element.hidden = !next;
      if (next) void look();
    },
  };
}

/** A table that is made anew each second stays where it was scrolled to. */
function replaceKeepingScroll(parent: HTMLElement, child: HTMLElement): void {
  const old = parent.firstElementChild;
  if (old?.textContent === child.textContent) return;
  const left = old?.scrollLeft ?? 0;
  const hadFocus = old === document.activeElement && old !== null;
  parent.replaceChildren(child);
  child.scrollLeft = left;
  if (hadFocus) child.focus();
}
