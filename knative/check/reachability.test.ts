import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Manifests } from '../src/manifests.ts';
import { canReach, pipelinePlaces, type Place } from './reachability.ts';
import { hasKubectl, KNATIVE, render } from './render.ts';
import { parseRendered } from './rules.ts';

const inNamespace = (name: string, namespace = name, labels = {}): Place => ({
  name,
  pods: { namespace, labels },
  address: null,
});
const at = (name: string, address: string): Place => ({ name, pods: null, address });

/** What an administrator puts in the place of the one that leads nowhere. */
const API_ADDRESS = '10.96.0.1';

const OTHERS: readonly Place[] = [
  inNamespace('Kafka', 'kafka', { 'strimzi.io/cluster': 'kandle' }),
  inNamespace('Cassandra', 'cassandra', { 'cassandra.datastax.com/cluster': 'kandle' }),
  ...['knative-serving', 'knative-eventing', 'kourier-system', 'monitoring', 'cass-operator', 'default'].map(
    (name) => inNamespace(name),
  ),
  at('the internet', '203.0.113.7'),
  at('the internet', '2001:db8::7'),
  at("the cluster's API", API_ADDRESS),
  at('a private address', '10.1.2.3'),
  at('a private address', 'fd00::7'),
  at('the metadata', '169.254.169.254'),
];

/** `from > to : port` of each line of the table in docs/network.md. */
function documented(): ReadonlySet<string> {
  const text = readFileSync(join(KNATIVE, '..', 'docs', 'network.md'), 'utf8');
  const lines = [...text.matchAll(/^\| ([^|]+) \| ([^|]+) \| ([\d, ]+) \|/gm)];
  const list = (cell = ''): readonly string[] => cell.split(',').map((one) => one.trim());
  return new Set(
    lines.flatMap(([, from, to, ports]) =>
      list(from).flatMap((one) =>
        list(to).flatMap((other) => list(ports).map((port) => `${one} > ${other} : ${port}`)),
      ),
    ),
  );
}

describe.skipIf(!hasKubectl())(
  `the network${hasKubectl() ? '' : ' (skipped: there is no kubectl here)'}`,
  () => {
    let manifests: Manifests;
    let table: ReadonlySet<string>;
    let ports: readonly number[];
    beforeAll(() => {
      const rendered = JSON.stringify(render(join(KNATIVE, 'overlays', 'production')));
      const filledIn: unknown = JSON.parse(rendered.replaceAll('192.0.2.1/32', `${API_ADDRESS}/32`));
      ({ manifests } = parseRendered(Array.isArray(filledIn) ? filledIn : []));
      table = documented();
      ports = [...new Set([...table].map((line) => Number(line.split(' : ')[1])).concat(80, 9092))];
    });

    /** Every pair and port that is open and of which one end is the pipeline's or Cassandra's. */
    function openIn(these: Manifests): ReadonlySet<string> {
      const parts = pipelinePlaces(these);
      const guarded = [...parts, ...OTHERS.filter(({ name }) => name === 'Cassandra')];
      const open = new Set<string>();
      for (const one of guarded)
        for (const other of [...parts, ...OTHERS])
          for (const port of ports) {
            // Cassandra's pods are chosen for what comes in only.
            if (one.name !== 'Cassandra' && canReach(these, one, other, port))
              open.add(`${one.name} > ${other.name} : ${port}`);
            if (canReach(these, other, one, port)) open.add(`${other.name} > ${one.name} : ${port}`);
          }
      // Its nodes may talk to anybody.
      return new Set([...open].filter((line) => !line.startsWith('Cassandra > ')));
    }

    test('what docs/network.md says is open, and everything else is closed', () => {
      expect(table.size).toBeGreaterThan(40);
      expect([...openIn(manifests)].toSorted()).toEqual([...table].toSorted());
    });

    test('each policy is needed: without it something of the table is closed, or something else open', () => {
      for (const { resource } of manifests.NetworkPolicy) {
        // DNS is not in the table.
        if (resource.metadata.name === 'to-dns') continue;
        const without = {
          ...manifests,
          NetworkPolicy: manifests.NetworkPolicy.filter((one) => one.resource !== resource),
        };
        expect([...openIn(without)].toSorted(), resource.metadata.name).not.toEqual([...table].toSorted());
      }
    });
  },
);
