import { execFileSync } from 'node:child_process';
import { z } from 'zod';
import { addRequests, fit, type NodeRoom, podsOf, type Requests, toRequests } from '../src/capacity.ts';
import { render } from './render.ts';
import { parseRendered } from './rules.ts';

/**
 * Says whether the overlay that was given as a folder fits into the cluster that kubectl points at: what
 * `knative/deploy.sh --check` runs. It only reads. Exit code 1 if it does not fit.
 */

/** Namespaces of an overlay: what is there of it already is not counted twice. */
const OURS: ReadonlySet<string> = new Set(['kandle', 'kafka', 'cassandra']);

const texts = z.record(z.string(), z.string()).default({});
const NodesSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ unschedulable: z.boolean().default(false) }),
      status: z.object({ allocatable: texts }),
    }),
  ),
});

const containers = z.array(z.object({ resources: z.object({ requests: texts }).prefault({}) })).default([]);
const PodsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string() }),
      spec: z.object({ nodeName: z.string().optional(), containers, initContainers: containers }),
      status: z.object({ phase: z.string() }),
    }),
  ),
});

function ask(what: readonly string[]): unknown {
  return JSON.parse(
    execFileSync('kubectl', ['get', ...what, '--output', 'json'], {
      encoding: 'utf8',
      maxBuffer: 256 * 2 ** 20,
    }),
  );
}

/** A pod asks for the sum of its containers, and for no less than its largest init container. */
function requestsOf(spec: z.infer<typeof PodsSchema>['items'][number]['spec']): Requests {
  const sum = addRequests(spec.containers.map(({ resources }) => toRequests(resources.requests)));
  return spec.initContainers
    .map(({ resources }) => toRequests(resources.requests))
    .reduce(
      (most, one) => ({ cpus: Math.max(most.cpus, one.cpus), bytes: Math.max(most.bytes, one.bytes) }),
      sum,
    );
}

function readNodes(): readonly NodeRoom[] {
  const pods = PodsSchema.parse(ask(['pods', '--all-namespaces'])).items.filter(
    ({ metadata, status }) =>
      !OURS.has(metadata.namespace) && status.phase !== 'Succeeded' && status.phase !== 'Failed',
  );
  return NodesSchema.parse(ask(['nodes']))
    .items.filter(({ spec }) => !spec.unschedulable)
    .map(({ metadata, status }) => ({
      name: metadata.name,
      allocatable: toRequests(status.allocatable),
      taken: addRequests(
        pods.filter(({ spec }) => spec.nodeName === metadata.name).map(({ spec }) => requestsOf(spec)),
      ),
    }));
}

const [folder = ''] = process.argv.slice(2);
const { manifests, problems } = parseRendered(render(folder));
if (problems.length > 0) throw new Error(problems.join('\n'));
const { isEnough, lines } = fit(podsOf(manifests), readNodes());
for (const line of lines) console.log(line);
if (!isEnough) process.exitCode = 1;
