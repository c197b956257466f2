import type { Manifests, Resource } from './manifests.ts';

type PodTemplate =
  | Resource<'Service'>['spec']['template']
  | Resource<'StatefulSet' | 'Deployment'>['spec']['template']
  | Resource<'Job'>['spec']['template'];

/** A function, a Job, a Deployment …: what makes pods, with the pods; each has one container. */
export interface Workload {
  readonly at: string;
  readonly kind: 'Service' | 'StatefulSet' | 'Deployment' | 'Job' | 'CronJob';
  readonly name: string;
  readonly pod: PodTemplate;
  readonly container: PodTemplate['spec']['containers'][0];
}

/** Everything that makes pods. */
export function workloadsOf(manifests: Manifests): readonly Workload[] {
  return [
    ...manifests.Service.map((placed) => toWorkload(placed, 'Service', placed.resource.spec.template)),
    ...manifests.StatefulSet.map((placed) =>
      toWorkload(placed, 'StatefulSet', placed.resource.spec.template),
    ),
    ...manifests.Deployment.map((placed) => toWorkload(placed, 'Deployment', placed.resource.spec.template)),
    ...manifests.Job.map((placed) => toWorkload(placed, 'Job', placed.resource.spec.template)),
    ...manifests.CronJob.map((placed) =>
      toWorkload(placed, 'CronJob', placed.resource.spec.jobTemplate.spec.template),
    ),
  ];
}

function toWorkload(
  {
    at,
    resource,
  }: { readonly at: string; readonly resource: { readonly metadata: { readonly name: string } } },
  kind: Workload['kind'],
  pod: PodTemplate,
): Workload {
  return { at, kind, name: resource.metadata.name, pod, container: pod.spec.containers[0] };
}
