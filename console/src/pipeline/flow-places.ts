import type { Flow } from './flows.ts';

/** A part of the picture. */
export interface Place {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

/** Of a part. */
export const BOX = { width: 132, height: 62 };
/** Of the picture. */
export const SIZE = { width: 932, height: 270 };
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

/** A path, and where its name stands. */
export interface Line {
  readonly path: string;
  readonly x: number;
  readonly y: number;
}

/**
 * The line of a flow. Of those that end at the same side of a part each has a place of its own.
 *
 * @param flows All that are drawn. @throws {RangeError} If a part has no place.
 */
export function lineOf(flow: Flow, flows: readonly Flow[]): Line {
  const [a, b] = [knownPlace(flow.from), knownPlace(flow.to)];
  return a.y === b.y ? levelLine(a, b) : fallingLine(flow, flows);
}

function levelLine(a: Place, b: Place): Line {
  const y = a.y + BOX.height / 2;
  const [x1, x2] = b.x > a.x ? [a.x + BOX.width, b.x - 3] : [a.x, b.x + BOX.width + 3];
  return { path: `M${x1} ${y}H${x2}`, x: (x1 + x2) / 2, y: y - 7 };
}

function fallingLine(flow: Flow, flows: readonly Flow[]): Line {
  const [a, b] = [knownPlace(flow.from), knownPlace(flow.to)];
  const falling = flows.filter(({ from, to }) => knownPlace(from).y !== knownPlace(to).y);
  const leaving = falling.filter(({ from }) => from === flow.from);
  const coming = falling.filter(({ to }) => to === flow.to);
  const x1 = a.x + BOX.width * shareOf(flow, leaving, 'to');
  const x2 = b.x + BOX.width * shareOf(flow, coming, 'from');
  const [y1, y2] = [a.y + BOX.height, b.y - 3];
  const bend = (y1 + y2) / 2;
  return {
    path: `M${x1} ${y1}C${x1} ${bend} ${x2} ${bend} ${x2} ${y2}`,
    x: (x1 + x2) / 2,
    y: bend + 4,
  };
}

/** Where on a side a flow ends, by where its other end stands: from left to right, so that none cross. */
function shareOf(flow: Flow, beside: readonly Flow[], other: 'from' | 'to'): number {
  const order = beside.toSorted((a, b) => knownPlace(a[other]).x - knownPlace(b[other]).x);
  return (order.indexOf(flow) + 1) / (order.length + 1);
}

/** Where a part stands; null if it is not in the picture. */
export function placeOf(name: string): Place | null {
  return PLACES.find((place) => place.name === name) ?? null;
}

function knownPlace(name: string): Place {
  const place = placeOf(name);
  if (place === null) throw new RangeError(`There is no place for ${name}`);
  return place;
}
