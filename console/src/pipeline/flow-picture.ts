import { h, setText, svg } from '../dom.ts';
import { formatCount, formatRate } from '../format.ts';
import { BOX, lineOf, type Place, PLACES, placeOf, SIZE } from './flow-places.ts';
import { type Flow, flowsOf } from './flows.ts';
import type { FunctionFacts, RunFacts, SourceFacts } from './run-facts.ts';

/** The flow as a living picture. */
export interface FlowPicture {
  readonly element: HTMLElement;
  render(run: RunFacts): void;
  /** Moves what flows a little. @param seconds Since the last time. */
  move(seconds: number): void;
}

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
  let drawnFlows = '';
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
      svg(
        'marker',
        {
          id: 'tip',
          viewBox: '0 0 8 8',
          refX: 7,
          refY: 4,
          markerWidth: 8,
          markerHeight: 8,
          markerUnits: 'userSpaceOnUse',
          orient: 'auto',
        },
        svg('path', { d: 'M0 0L8 4L0 8Z', fill: 'context-stroke' }),
      ),
      paths,
      ...[...boxes.values()].map(({ group }) => group),
    ),
  );

  /** The sources of a run do not change, but a page outlives a run. */
  function drawArrows(flows: readonly Flow[]): void {
    const text = JSON.stringify(flows);
    if (text === drawnFlows) return;
    drawnFlows = text;
    const placed = flows.filter(({ from, to }) => placeOf(from) !== null && placeOf(to) !== null);
    arrows = placed.map((flow) => createArrow(flow, placed));
    // No arrow lies over a name.
    paths.replaceChildren(...arrows.map(({ path }) => path), ...arrows.flatMap(({ label }) => label ?? []));
  }

  function rateOf(run: RunFacts, { to, source }: Flow): number {
    if (to === 'ingest') return run.feed.tradesPerSecond;
    if (source === null) return run.functions.find(({ name }) => name === 'query')?.requestsPerSecond ?? 0;
    return run.sources.find(({ name }) => name === source)?.eventsPerSecond ?? 0;
  }

  return {
    element,
    render(run) {
      drawArrows(flowsOf(run.sources));
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
    boxes.get(one.name)?.render(
      processes > 0,
      processes === 0
        ? 'asleep'
        : `${formatRate(one.requestsPerSecond)} ${one.name === 'query' ? 'requests' : 'events'}/s`,
      // Nothing stands in a line before query: it is asked and answers.
      one.name === 'query' ? '' : lag > 0 ? `${formatCount(lag)} wait` : 'nothing waits',
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

function createArrow(flow: Flow, flows: readonly Flow[]): Arrow {
  const { path, x, y } = lineOf(flow, flows);
  const { topic } = flow;
  const kind = topic ?? (flow.to === 'ingest' ? 'feed' : 'answers');
  return {
    ...flow,
    path: svg('path', { d: path, class: `arrow of-${kind}`, 'marker-end': 'url(#tip)' }),
    label: topic === null ? null : svg('text', { x, y, class: 'topic' }, topic),
    speed: 0,
    way: 0,
  };
}
