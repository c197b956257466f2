import { expect, test } from 'vitest';
import { fit, type NodeRoom, podsOf, type PodGroup } from './capacity.ts';
import { readManifests } from './manifests.ts';
import { BASE_FOLDER } from './read-plan.ts';

const GIB = 2 ** 30;

function node(cpus: number, gib: number, takenCpus = 0, takenGib = 0): NodeRoom {
  return {
    name: 'n',
    allocatable: { cpus, bytes: gib * GIB },
    taken: { cpus: takenCpus, bytes: takenGib * GIB },
  };
}

const POD: PodGroup = { name: 'f', atFirst: 1, atMost: 4, each: { cpus: 0.5, bytes: GIB } };

test('podsOf() counts a function once at first and max-scale times at most, with its queue-proxy', () => {
  const pods = new Map(podsOf(readManifests(BASE_FOLDER)).map((one) => [one.name, one]));
  expect(pods.get('transform')).toMatchObject({ atFirst: 1, atMost: 4 });
  expect(pods.get('transform')?.each.cpus).toBeCloseTo(0.125);
  expect(pods.get('notify')).toMatchObject({ atFirst: 1, atMost: 1 });
  expect(pods.get('ingest')).toMatchObject({ atFirst: 1, atMost: 1, each: { cpus: 0.1, bytes: GIB / 4 } });
  expect(pods.get('audit')).toMatchObject({ atFirst: 0, atMost: 1 });
});

test.each([
  ['all of it', [node(2, 4)], true, /asks for 0\.50 CPUs and 1\.0 GiB; .* for 2\.00 CPUs and 4\.0 GiB$/],
  ['the start only', [node(2, 3.5)], true, /it starts, but .*: 0\.00 CPUs and 0\.5 GiB are missing$/],
  [
    'nothing, for others took it',
    [node(2, 4, 1.75)],
    false,
    /it does not fit: 0\.25 CPUs and 0\.0 GiB are missing$/,
  ],
  [
    'nothing, for no node alone has room',
    [node(0.3, 4), node(0.3, 4)],
    false,
    /no node has room for one pod of f/,
  ],
] as const)('fit() says that there is room for %s', (_, nodes, isEnough, says) => {
  const found = fit([POD], nodes);
  expect(found.isEnough).toBe(isEnough);
  expect(found.lines.join('\n')).toMatch(new RegExp(says.source, 'm'));
});
