import type { KnownVariables } from '../src/environment.ts';
import type { Manifests } from '../src/manifests.ts';
import { type Workload, workloadsOf } from '../src/workloads.ts';

/** Every pod is one that `restricted` lets in, without a token, and with bounds. */
export function checkPods(manifests: Manifests): readonly string[] {
  const accounts = new Set(manifests.ServiceAccount.map(({ resource }) => resource.metadata.name));
  return workloadsOf(manifests).flatMap(({ at, name, pod, container }) => {
    const { spec } = pod;
    // Knative takes a security context for the container only; elsewhere either place will do.
    const context: Record<string, unknown> = { ...spec.securityContext, ...container.securityContext };
    const { requests, limits } = container.resources;
    const wanted: readonly (readonly [string, boolean])[] = [
      ['serviceAccountName: expected an account that is there', accounts.has(spec.serviceAccountName ?? '')],
      ['automountServiceAccountToken: expected false', spec.automountServiceAccountToken === false],
      ['enableServiceLinks: expected false', spec.enableServiceLinks === false],
      ['securityContext.runAsNonRoot: expected true', context['runAsNonRoot'] === true],
      [
        'securityContext.allowPrivilegeEscalation: expected false',
        container.securityContext['allowPrivilegeEscalation'] === false,
      ],
      [
        'securityContext.readOnlyRootFilesystem: expected true',
        container.securityContext['readOnlyRootFilesystem'] === true,
      ],
      [
        'securityContext.capabilities: expected drop: [ALL]',
        JSON.stringify(container.securityContext['capabilities']) === '{"drop":["ALL"]}',
      ],
      [
        'securityContext.seccompProfile: expected RuntimeDefault',
        JSON.stringify(context['seccompProfile']) === '{"type":"RuntimeDefault"}',
      ],
      [
        'resources.requests: expected cpu and memory',
        requests['cpu'] !== undefined && requests['memory'] !== undefined,
      ],
      ['resources.limits: expected memory', limits['memory'] !== undefined],
      [
        'app.kubernetes.io/name: expected the same label on the pod',
        pod.metadata.labels['app.kubernetes.io/name'] === name,
      ],
    ];
    return wanted.flatMap(([problem, isMet]) => (isMet ? [] : [`${at}: ${problem}`]));
  });
}

/** A secret is a file: an environment is seen with its process, and does not change with the Secret. */
export function checkSecrets(manifests: Manifests): readonly string[] {
  return workloadsOf(manifests).flatMap(({ at, container }) =>
    container.env
      .filter(({ valueFrom }) => !/^(user(name)?)?$/.test(valueFrom?.secretKeyRef?.key ?? ''))
      .map(({ name }) => `${at}: env ${name}: a secret belongs into a file`),
  );
}

/** Every function is one that Serving scales as meant, and that only the cluster can call. */
export function checkFunctions({ Service }: Manifests): readonly string[] {
  return Service.flatMap(({ at, resource }) => {
    const { metadata, spec } = resource.spec.template;
    const [container] = spec.containers;
    const { annotations } = metadata;
    const { labels } = resource.metadata;
    const wanted: readonly (readonly [string, boolean])[] = [
      [
        'networking.knative.dev/visibility: expected cluster-local',
        labels['networking.knative.dev/visibility'] === 'cluster-local',
      ],
      [
        'app.kubernetes.io/component: expected function, by which deploy.sh knows it',
        labels['app.kubernetes.io/component'] === 'function',
      ],
      ['min-scale: expected 0', annotations['autoscaling.knative.dev/min-scale'] === '0'],
      ['max-scale: expected a bound', Number(annotations['autoscaling.knative.dev/max-scale'] ?? 0) >= 1],
      ['containerConcurrency: expected a bound', spec.containerConcurrency >= 1],
      [
        'target: expected containerConcurrency',
        Number(annotations['autoscaling.knative.dev/target']) === spec.containerConcurrency,
      ],
      [
        'readinessProbe and livenessProbe: expected its own',
        container.readinessProbe !== undefined && container.livenessProbe !== undefined,
      ],
    ];
    return wanted.flatMap(([problem, isMet]) => (isMet ? [] : [`${at}: ${problem}`]));
  });
}

/**
 * A feed has one writer, also during a rollout: no other kind than a StatefulSet, whose schema wants one
 * replica.
 */
export function checkWriter(manifests: Manifests): readonly string[] {
  return workloadsOf(manifests)
    .filter(({ container, kind }) => partOf(container.image) === 'ingest' && kind !== 'StatefulSet')
    .map(({ at }) => `${at}: two pods of one feed could write at once`);
}

/** An image is that of a part of this project, in one registry and one version; `:latest` says nothing. */
export function checkImages(manifests: Manifests, parts: KnownVariables): readonly string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { at, container } of workloadsOf(manifests)) {
    const { image } = container;
    const part = partOf(image);
    if (part !== container.name || !parts.has(part))
      problems.push(`${at}: image ${image}: expected kandle/${container.name}, and a part of this name`);
    const version = /(?::([\w.-]+)|@sha256:[0-9a-f]{64})$/.exec(image);
    if (version === null || version[1] === 'latest')
      problems.push(`${at}: image ${image}: expected a version`);
    seen.add(image.replace(`kandle/${part}`, 'kandle/…').replace(/@.*$/, ''));
  }
  if (seen.size > 1) problems.push(`images come from different places or versions: ${[...seen].join(', ')}`);
  return problems;
}

/** `ingest` of `registry.example.com/kandle/ingest:0.1.0`; the whole image, if it is not one of ours. */
function partOf(image: Workload['container']['image']): string {
  return /kandle\/([a-z-]+)(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?$/.exec(image)?.[1] ?? image;
}
