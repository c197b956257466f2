import { h, setText, svg } from '../dom.ts';
import { formatCount, formatRate } from '../format.ts';
import { type Flow, flowsOf } from './flows.ts';
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
const SIZE = { width: 932, height: 270 };
/** Where each part stands: columns are steps of the flow. */
export const PLACES: readonly Place[] = [
  { name: 'feed', x: 10, y: 24 },
  { name: 'ingest', x: 205, y: 24 },
  { name: 'transform', x: 400, y: 24 },
  { name: 'aggregate', x: 595, y: 24 },
  { name: 'signal', x: 790, y: 24 },
  { name: 'console', x: 205, y: 184 },
  { name: 'query', x: 400, y: 184 },
  { name: 'persist', x: 595, y: 184 },
  { name: 'notify', x: 790, y: 184 },
];
/** Length of a dash and the room behind it, as the style sheet has them. */
const DASHES = 11;
/** Dots that stand for processes; of more the number is told. */
const MAX_DOTS = 6;

interface Arrow extends Flow {
  readonly path: SVGPathElement;
  readonly label: SVGTextElement | null;
  speed: number;
  way: number;
}

interface Box {
  render(isAwake: boolean, top: string, bottom: string, processes: number): void;
}

/** How fast the dashes of few events move, pixels a second; ten times as many move about twice as fast. */
const SLOWEST = 8;

/** Builds the picture. */
export function createFlowPicture(): FlowPicture {
  let arrows: readonly Arrow[] = [];
  const paths = svg('g', {});
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
      paths,
      ...[...boxes.values()].map(({ group }) => group),
    ),
  );

  /** The sources of a run do not change, but a page outlives a run. */
  function arrowsOf(run: RunFacts): readonly Arrow[] {
    const flows = flowsOf(run.sources);
    const isSame =
      flows.length === arrows.length && flows.every((flow, n) => arrows[n]?.source === flow.source);
    if (isSame) return arrows;
    const made = flows.flatMap((flow) => createArrow(flow, flows));
    paths.replaceChildren(...made.flatMap(({ path, label }) => (label === null ? [path] : [path, label])));
    return made;
  }

  function rateOf(run: RunFacts, { to, source }: Flow): number {
    if (to === 'ingest') return run.feed.tradesPerSecond;
    if (source === null) return run.functions.find(({ name }) => name === 'query')?.requestsPerSecond ?? 0;
    return run.sources.find(({ name }) => name === source)?.eventsPerSecond ?? 0;
  }

  return {
    element,
    render(run) {
      arrows = arrowsOf(run);
      for (const arrow of arrows) {
        const rate = rateOf(run, arrow);
        arrow.speed = rate > 0 ? SLOWEST * (1 + Math.log10(1 + rate) * 1.5) : 0;
        arrow.path.classList.toggle('moving', rate > 0);
      }
      const { feed } = run;
      boxes
        .get('feed')
        ?.render(feed.status === 'trading', feed.status, `${formatRate(feed.tradesPerSecond)} trades/s`, 0);
      boxes
        .get('ingest')
        ?.render(feed.status !== 'not connected', 'always there', `${formatCount(feed.trades)} trades`, 1);
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
      .filter(({ sink }) => sink === one.name)
      .reduce((sum, source) => sum + (source.lag ?? 0), 0);
    boxes
      .get(one.name)
      ?.render(
        processes > 0,
        processes === 0
          ? 'asleep'
          : `${formatRate(one.requestsPerSecond)} ${one.name === 'query' ? 'requests' : 'events'}/s`,
        lag > 0 ? `${formatCount(lag)} wait` : 'nothing waits',
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

/** Of two that end at the same side each has a place of its own. */
function createArrow(flow: Flow, flows: readonly Flow[]): readonly Arrow[] {
  const [a, b] = [placeOf(flow.from), placeOf(flow.to)];
  if (a === undefined || b === undefined) return [];
  let line: string;
  let middle: readonly [number, number];
  if (a.y === b.y) {
    const y = a.y + BOX.height / 2;
    const [x1, x2] = b.x > a.x ? [a.x + BOX.width, b.x - 3] : [a.x, b.x + BOX.width + 3];
    line = `M${x1} ${y}H${x2}`;
    middle = [(x1 + x2) / 2, y - 7];
  } else {
    const x1 = a.x + BOX.width * shareOf(flow, falling(flows, 'from', a), 'to');
    const x2 = b.x + BOX.width * shareOf(flow, falling(flows, 'to', b), 'from');
    const [y1, y2] = [a.y + BOX.height, b.y - 3];
    const bend = (y1 + y2) / 2;
    line = `M${x1} ${y1}C${x1} ${bend} ${x2} ${bend} ${x2} ${y2}`;
    middle = [(x1 + x2) / 2, bend + 4];
  }
  const { topic } = flow;
  const label = topic === null ? null : svg('text', { x: middle[0], y: middle[1], class: 'topic' }, topic);
  return [
    {
      ...flow,
      path: svg('path', { d: line, class: topic === null ? 'arrow' : `arrow of-${topic}` }),
      label,
      speed: 0,
      way: 0,
    },
  ];
}

const placeOf = (name: string): Place | undefined => PLACES.find((place) => place.name === name);

/** Flows that leave a part downwards, or reach it from above. */
function falling(flows: readonly Flow[], end: 'from' | 'to', place: Place): readonly Flow[] {
  return flows.filter((flow) => flow[end] === place.name && placeOf(flow.from)?.y !== placeOf(flow.to)?.y);
}

/** Where on a side a flow ends, by where its other end stands: from left to right, so that none cross. */
function shareOf(flow: Flow, beside: readonly Flow[], other: 'from' | 'to'): number {
  const order = beside.toSorted((a, b) => (placeOf(a[other])?.x ?? 0) - (placeOf(b[other])?.x ?? 0));
  return (order.indexOf(flow) + 1) / (order.length + 1);
}
