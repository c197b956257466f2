import { z } from 'zod';

/**
 * The parts of rendered manifests that the rules look at. Whether a field may be there at all is the schemas' matter
 * (`schemas.ts`): here everything is optional, so that a missing part is named by a rule and not by a parser.
 */
const text = z.string().optional();
const labels = z.record(z.string(), z.string()).optional();
const secretKey = z.looseObject({ name: text, key: text });

const portNumber = z.union([z.string(), z.number()]).optional();

const container = z.looseObject({
  name: z.string(),
  image: text,
  ports: z.array(z.looseObject({ name: text, containerPort: z.number() })).default([]),
  envFrom: z.array(z.looseObject({ configMapRef: z.looseObject({ name: text }).optional() })).default([]),
  env: z
    .array(
      z.looseObject({
        name: z.string(),
        value: text,
        valueFrom: z
          .looseObject({ configMapKeyRef: secretKey.optional(), secretKeyRef: secretKey.optional() })
          .optional(),
      }),
    )
    .default([]),
  readinessProbe: z.looseObject({ httpGet: z.looseObject({ port: portNumber }).optional() }).optional(),
  livenessProbe: z.looseObject({ httpGet: z.looseObject({ port: portNumber }).optional() }).optional(),
  securityContext: z.looseObject({}).default({}),
  resources: z.looseObject({ requests: labels, limits: labels }).default({}),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).default([]),
});

const podSpec = z.looseObject({
  serviceAccountName: text,
  automountServiceAccountToken: z.boolean().optional(),
  enableServiceLinks: z.boolean().optional(),
  securityContext: z.looseObject({}).default({}),
  containerConcurrency: z.number().optional(),
  timeoutSeconds: z.number().optional(),
  containers: z.array(container).default([]),
  volumes: z
    .array(
      z.looseObject({
        name: z.string(),
        secret: z.looseObject({ secretName: text }).optional(),
        configMap: z.looseObject({ name: text }).optional(),
      }),
    )
    .default([]),
});

const template = z.looseObject({
  metadata: z.looseObject({ labels, annotations: labels }).default({}),
  spec: podSpec,
});

const delivery = z.looseObject({
  retry: z.number().optional(),
  backoffPolicy: text,
  backoffDelay: text,
  timeout: text,
  deadLetterSink: z.looseObject({ ref: z.looseObject({ kind: text, name: text }).optional() }).optional(),
});

/** What `spec` holds, whatever the kind. */
const spec = z.looseObject({
  template: z.looseObject({}).optional(),
  jobTemplate: z.looseObject({ spec: z.looseObject({ template: z.looseObject({}) }) }).optional(),
  replicas: z.number().optional(),
  size: z.number().optional(),
  topic: text,
  topicName: text,
  topics: z.array(z.string()).default([]),
  partitions: z.number().optional(),
  config: z.record(z.string(), z.unknown()).default({}),
  bootstrapServers: z.array(z.string()).default([]),
  consumerGroup: text,
  consumers: z.number().optional(),
  initialOffset: text,
  ordering: text,
  delivery: delivery.optional(),
  sink: z.looseObject({ ref: z.looseObject({ kind: text, name: text }).optional() }).optional(),
  net: z.looseObject({}).optional(),
  auth: z.looseObject({}).optional(),
  kafka: z
    .looseObject({
      listeners: z
        .array(z.looseObject({ port: z.number(), tls: z.boolean(), authentication: z.unknown().optional() }))
        .default([]),
    })
    .optional(),
  selector: z.looseObject({ matchLabels: labels }).optional(),
  podSelector: z
    .looseObject({
      matchLabels: labels,
      matchExpressions: z
        .array(
          z.looseObject({ key: z.string(), operator: z.string(), values: z.array(z.string()).default([]) }),
        )
        .default([]),
    })
    .optional(),
  policyTypes: z.array(z.string()).default([]),
  egress: z
    .array(z.looseObject({ ports: z.array(z.looseObject({ port: portNumber })).default([]) }))
    .default([]),
});

export const ResourceSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: text, labels, annotations: labels }),
  data: z.record(z.string(), z.string()).optional(),
  spec: spec.prefault({}),
});

/** A rendered resource. */
export type Resource = z.infer<typeof ResourceSchema>;
type PodTemplate = z.infer<typeof template>;
type Container = z.infer<typeof container>;

/** How a resource is named in a problem: `KafkaSource transform`. */
export function idOf({ kind, metadata }: Resource): string {
  return `${kind} ${metadata.name}`;
}

/** True for Knative's Service, not for Kubernetes' own. */
export function isFunction({ apiVersion, kind }: Resource): boolean {
  return kind === 'Service' && apiVersion.startsWith('serving.knative.dev/');
}

/** The resources of a kind; `Service` means Knative's. */
export function ofKind(resources: readonly Resource[], kind: string): readonly Resource[] {
  return resources.filter((one) => one.kind === kind && (kind !== 'Service' || isFunction(one)));
}

/** The pods that a resource makes, if it makes any. */
function podOf({ spec: { template: direct, jobTemplate } }: Resource): PodTemplate | null {
  const found = template.safeParse(direct ?? jobTemplate?.spec.template);
  return found.success ? found.data : null;
}

/** A Deployment of our own, a Job, a function …: what makes pods, with the pods. */
export interface Workload {
  readonly id: string;
  readonly resource: Resource;
  readonly pod: PodTemplate;
  readonly container: Container;
}

/** Everything of ours that makes pods. */
export function workloads(resources: readonly Resource[]): readonly Workload[] {
  return resources.flatMap((resource) => {
    const pod = podOf(resource);
    const [container] = pod?.spec.containers ?? [];
    return pod === null || container === undefined ? [] : [{ id: idOf(resource), resource, pod, container }];
  });
}
