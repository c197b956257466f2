import { readPlan } from '@kandle/knative/read-plan';
import { COMPONENTS } from '@kandle/security/rights';
import { expect, test } from 'vitest';
import { PLACES } from './flow-places.ts';
import { flowsOf, WRITERS } from './flows.ts';

const placed = new Set(PLACES.map(({ name }) => name));

test('flowsOf() the manifests: every KafkaSource is an arrow between parts that have a place, from who writes its topic', async () => {
  const { sources } = await readPlan();
  const flows = flowsOf(sources);
  const carried = flows.flatMap(({ source }) => source ?? []);
  // Its lists come once a day, by a job that is no part of the picture.
  expect([...carried, 'persist-instruments'].toSorted()).toEqual(sources.map(({ name }) => name).toSorted());
  expect(flows.flatMap(({ from, to }) => [from, to]).filter((name) => !placed.has(name))).toEqual([]);
  expect(flows.filter(({ to }) => to === 'persist').map(({ from, topic }) => [from, topic])).toEqual([
    ['ingest', 'raw'],
    ['aggregate', 'candles'],
    ['signal', 'signals'],
  ]);
});

test('a topic is written by the part that has the right to', () => {
  for (const [topic, writer] of Object.entries(WRITERS))
    expect(
      COMPONENTS.filter(
        ({ name, kafka }) => placed.has(name) && kafka?.write?.some((one) => one === topic),
      ).map(({ name }) => name),
    ).toEqual([writer]);
});

test('flowsOf() knows a topic with something before its name, and leaves out what no part writes', () => {
  expect(
    flowsOf([
      { name: 'transform', topic: 'test9.market.raw.v1', sink: 'transform' },
      { name: 'persist-instruments', topic: 'market.instruments.v1', sink: 'persist' },
    ]).flatMap(({ source, from }) => (source === null ? [] : [[source, from]])),
  ).toEqual([['transform', 'ingest']]);
});
