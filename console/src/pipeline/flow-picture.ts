import { h, setText, svg } from '../dom.ts';
import { formatAmount } from '../format.ts';
import type { FunctionFacts, RunFacts, SourceFacts } from './run-facts.ts';

/** The flow as a living picture. */
export interface FlowPicture {
  readonly element: HTMLElement;
  render(run: RunFacts): void;
  /** Moves what flows a little. @param seconds Since the last time. */
  move(seconds: number): void;
}

interface Place {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

const BOX = { width: 132, height: 62 };
const SIZE = { width: 1_060, height: 330 };
/** Where each part stands: columns are steps of the flow. */
const PLACES: readonly Place[] = [
  { name: 'feed', x: 10, y: 60 },
  { name: 'ingest', x: 190, y: 60 },
  { name: 'transform', x: 390, y: 60 },
  { name: 'aggregate', x: 590, y: 60 },
  { name: 'signal', x: 790, y: 60 },
  { name: 'persist', x: 590, y: 230 },
  { name: 'notify', x: 790, y: 230 },
  { name: 'query', x: 390, y: 230 },
  { name: 'console', x: 190, y: 230 },
];
/** What flows from where to where, through which topic. */
const FLOWS: readonly { readonly from: string; readonly to: string; readonly topic: string | null }[] = [
  { from: 'feed', to: 'ingest', topic: null },
  { from: 'ingest', to: 'transform', topic: 'raw' },
  { from: 'transform', to: 'aggregate', topic: 'trades' },
  { from: 'aggregate', to: 'signal', topic: 'candles' },
  { from: 'transform', to: 'persist', topic: 'trades' },
  { from: 'aggregate', to: 'persist', topic: 'candles' },
  { from: 'signal', to: 'persist', topic: 'signals' },
  { from: 'signal', to: 'notify', topic: 'signals' },
  { from: 'persist', to: 'query', topic: null },
  { from: 'query', to: 'console', topic: null },
];
/** Length of a dash and the room behind it, as the style sheet has them. */
const DASHES = 11;
/** Dots that stand for processes; of more the number is told. */
const MAX_DOTS = 6;

interface Box {
  render(isAwake: boolean, top: string, bottom: string, processes: number): void;
}

/** How fast the dashes of few events move, pixels a second; ten times as many move about twice as fast. */
const SLOWEST = 8;

/** Builds the picture. */
export function createFlowPicture(): FlowPicture {
  const arrows = FLOWS.map((flow) => ({ ...flow, path: arrowOf(flow), speed: 0, way: 0 }));
  const boxes = new Map(PLACES.map((place) => [place.name, createBox(place)]));
  const element = h(
    'div',
    {
      class: 'flow',
      role: 'img',
      'aria-label': 'The flow of events; the tables below say the same in words',
      tabindex: 0,
    },
    svg(
      'svg',
      { viewBox: `0 0 ${SIZE.width} ${SIZE.height}` },
      ...arrows.map(({ path }) => path),
      ...[...boxes.values()].map(({ group }) => group),
    ),
  );

  function eventsBetween(run: RunFacts, { to }: (typeof FLOWS)[number]): number {
    if (to === 'ingest') return run.feed.tradesPerSecond;
    return run.sources
      .filter(({ name }) => name === to || name.startsWith(`${to}-`) || name.endsWith(`-${to}`))
      .reduce((sum, { eventsPerSecond }) => sum + eventsPerSecond, 0);
  }

  return {
    element,
    render(run) {
      for (const arrow of arrows) {
        const rate = arrow.topic === null && arrow.to !== 'ingest' ? 0 : eventsBetween(run, arrow);
        arrow.speed = rate > 0 ? SLOWEST * (1 + Math.log10(1 + rate) * 1.5) : 0;
        arrow.path.classList.toggle('moving', rate > 0);
      }
      const { feed } = run;
      boxes
        .get('feed')
        ?.render(feed.status === 'trading', feed.status, `${formatAmount(feed.tradesPerSecond)} trades/s`, 0);
      boxes
        .get('ingest')
        ?.render(feed.status !== 'not connected', 'always there', `${formatAmount(feed.trades)} trades`, 1);
      boxes.get('console')?.render(true, 'you are here', '', 0);
      for (const one of run.functions) renderFunction(one, run.sources);
    },
    move(seconds) {
      for (const arrow of arrows) {
        if (arrow.speed === 0) continue;
        arrow.way = (arrow.way + arrow.speed * seconds) % DASHES;
        arrow.path.setAttribute('stroke-dashoffset', (-arrow.way).toFixed(1));
      }
    },
  };

  function renderFunction(one: FunctionFacts, sources: readonly SourceFacts[]): void {
    const processes = one.ready + one.starting;
    const lag = sources
      .filter(({ name }) => name === one.name || name.startsWith(`${one.name}-`))
      .reduce((sum, source) => sum + (source.lag ?? 0), 0);
    boxes
      .get(one.name)
      ?.render(
        processes > 0,
        processes === 0 ? 'asleep' : `${formatAmount(one.requestsPerSecond)} events/s`,
        lag > 0 ? `${formatAmount(lag)} wait` : 'nothing waits',
        processes,
      );
  }
}

function createBox({ name, x, y }: Place): Box & { readonly group: SVGGElement } {
  const top = svg('text', { x: 12, y: 40, class: 'small' });
  const bottom = svg('text', { x: 12, y: 54, class: 'small' });
  const dots = svg('g', {});
  const group = svg(
    'g',
    { class: 'box', transform: `translate(${x} ${y})` },
    svg('rect', { width: BOX.width, height: BOX.height, rx: 10 }),
    svg('text', { x: 12, y: 22, class: 'name' }, name),
    top,
    bottom,
    dots,
  );
  return {
    group,
    render(isAwake, topText, bottomText, processes) {
      group.classList.toggle('asleep', !isAwake);
      setText(top, topText);
      setText(bottom, bottomText);
      const shown = Math.min(MAX_DOTS, processes);
      if (dots.childElementCount === shown) return;
      dots.replaceChildren(
        ...Array.from({ length: shown }, (_, n) =>
          svg('circle', { cx: BOX.width - 14 - n * 11, cy: 17, r: 4 }),
        ),
      );
    },
  };
}

function arrowOf({ from, to, topic }: (typeof FLOWS)[number]): SVGPathElement {
  const [a, b] = [from, to].map((name) => PLACES.find((place) => place.name === name));
  if (a === undefined || b === undefined) throw new RangeError(`There is no place ${from} or ${to}`);
  const isLevel = a.y === b.y;
  const middle = BOX.height / 2;
  const goesRight = b.x > a.x;
  let path: string;
  if (isLevel) {
    const y = a.y + middle;
    path = `M${goesRight ? a.x + BOX.width : a.x} ${y}H${goesRight ? b.x - 3 : b.x + BOX.width + 3}`;
  } else {
    const [x1, y1] = [a.x + BOX.width / 2, a.y + BOX.height];
    const [x2, y2] = [b.x + BOX.width / 2, b.y - 3];
    const bend = (y1 + y2) / 2;
    path = `M${x1} ${y1}C${x1} ${bend} ${x2} ${bend} ${x2} ${y2}`;
  }
  return svg('path', { d: path, class: topic === null ? 'arrow' : `arrow of-${topic}` });
}
