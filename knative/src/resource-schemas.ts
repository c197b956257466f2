import { z } from 'zod';

/**
 * The parts of the custom resources that the runner knows, field by field. A field that is not here stops the start
 * with its name: silently ignoring it would make a laptop behave unlike a cluster.
 *
 * Fields under "no effect on a laptop" are accepted and change nothing there.
 */

const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a Kubernetes name');
const text = z.string().min(1);
const wholeText = z.string().regex(/^\d{1,6}$/, 'expected a whole number in quotes');

const metadata = z.strictObject({
  name,
  namespace: name.optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

const isoDuration = z
  .string()
  .regex(/^PT(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?$/, 'expected an ISO 8601 duration such as PT5S')
  .transform((duration) => {
    const part = (unit: string): number => Number(new RegExp(`([\\d.]+)${unit}`).exec(duration)?.[1] ?? 0);
    return Math.round((part('H') * 3_600 + part('M') * 60 + part('S')) * 1_000);
  });

const reference = (kind: string, apiVersion: string) =>
  z.strictObject({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(kind),
    name,
    namespace: name.optional(),
  });

const envVariable = z
  .strictObject({
    name: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'expected an upper case variable name'),
    value: z.string().optional(),
    valueFrom: z
      .strictObject({
        configMapKeyRef: z.strictObject({ name, key: text }).optional(),
        secretKeyRef: z.strictObject({ name, key: text, optional: z.boolean().optional() }).optional(),
      })
      .refine(
        ({ configMapKeyRef, secretKeyRef }) => configMapKeyRef === undefined || secretKeyRef === undefined,
        'expected either configMapKeyRef or secretKeyRef',
      )
      .optional(),
  })
  .refine(
    ({ value, valueFrom }) => value === undefined || valueFrom === undefined,
    'expected either value or valueFrom',
  );

const probe = z.strictObject({
  httpGet: z.strictObject({ path: text, port: z.union([z.string(), z.number()]).optional() }),
  initialDelaySeconds: z.number().optional(),
  periodSeconds: z.number().optional(),
  timeoutSeconds: z.number().optional(),
  successThreshold: z.number().optional(),
  failureThreshold: z.number().optional(),
});

const container = z.strictObject({
  name,
  image: text,
  ports: z
    .array(z.strictObject({ name: text.optional(), containerPort: z.number().int().min(1).max(65_535) }))
    .length(1),
  /** Every entry of a ConfigMap as a variable; `env` wins over it, as on a cluster. */
  envFrom: z.array(z.strictObject({ configMapRef: z.strictObject({ name }) })).default([]),
  env: z.array(envVariable).default([]),
  readinessProbe: probe.optional(),
  // No effect on a laptop:
  livenessProbe: probe.optional(),
  imagePullPolicy: z.string().optional(),
  resources: z.unknown().optional(),
  securityContext: z.unknown().optional(),
  volumeMounts: z.unknown().optional(),
  terminationMessagePolicy: z.string().optional(),
});

/** A container as the runner knows it. */
export type Container = z.infer<typeof container>;

const podFields = {
  containers: z.array(container).length(1),
  // No effect on a laptop:
  serviceAccountName: name.optional(),
  automountServiceAccountToken: z.boolean().optional(),
  enableServiceLinks: z.boolean().optional(),
  securityContext: z.unknown().optional(),
  volumes: z.unknown().optional(),
};

/** A Knative service: what Serving does for it on a cluster, the runner does on a laptop. */
const ServiceSchema = z.strictObject({
  apiVersion: z.literal('serving.knative.dev/v1'),
  kind: z.literal('Service'),
  metadata,
  spec: z.strictObject({
    template: z.strictObject({
      metadata: z
        .strictObject({
          annotations: z
            .strictObject({
              'autoscaling.knative.dev/min-scale': wholeText.optional(),
              'autoscaling.knative.dev/max-scale': wholeText.optional(),
              'autoscaling.knative.dev/target': wholeText.optional(),
              'autoscaling.knative.dev/target-utilization-percentage': wholeText.optional(),
              'autoscaling.knative.dev/metric': z.literal('concurrency').optional(),
              // No effect on a laptop, where `--idle` says how long a function stays:
              'autoscaling.knative.dev/window': z.string().optional(),
              'autoscaling.knative.dev/scale-down-delay': z.string().optional(),
              'autoscaling.knative.dev/scale-to-zero-pod-retention-period': z.string().optional(),
              // No effect on a laptop, which has no queue-proxy:
              'queue.sidecar.serving.knative.dev/cpu-resource-request': z.string().optional(),
              'queue.sidecar.serving.knative.dev/memory-resource-request': z.string().optional(),
              'queue.sidecar.serving.knative.dev/memory-resource-limit': z.string().optional(),
            })
            .optional(),
          labels: z.record(z.string(), z.string()).optional(),
        })
        .optional(),
      spec: z.strictObject({
        ...podFields,
        containerConcurrency: z.number().int().min(0).max(1_000).default(0),
        timeoutSeconds: z.number().int().min(1).max(600).default(300),
      }),
    }),
  }),
});

/** A KafkaSource. Its delivery block must be whole: without `retry`, there is no retry at all (design §2). */
const KafkaSourceSchema = z.strictObject({
  apiVersion: z.literal('sources.knative.dev/v1'),
  kind: z.literal('KafkaSource'),
  metadata: metadata.extend({ annotations: z.record(z.string(), z.string()).optional() }),
  spec: z.strictObject({
    bootstrapServers: z.array(text).min(1),
    topics: z.array(text).length(1),
    consumerGroup: text,
    consumers: z.number().int().min(1).max(100).default(1),
    initialOffset: z.enum(['earliest', 'latest']).default('latest'),
    ordering: z.enum(['ordered', 'unordered']).default('ordered'),
    delivery: z.strictObject({
      retry: z.number().int().min(0),
      backoffPolicy: z.enum(['linear', 'exponential']),
      backoffDelay: isoDuration.refine((ms) => ms > 0, 'PT0S breaks retrying altogether'),
      timeout: isoDuration.refine((ms) => ms > 0, 'expected a time-out above 0'),
      deadLetterSink: z.strictObject({ ref: reference('KafkaSink', 'eventing.knative.dev/v1alpha1') }),
    }),
    sink: z.strictObject({ ref: reference('Service', 'serving.knative.dev/v1') }),
    // No effect on a laptop, whose Kafka has no TLS:
    net: z.unknown().optional(),
  }),
});

/** A KafkaSink, for dead letters. */
const KafkaSinkSchema = z.strictObject({
  apiVersion: z.literal('eventing.knative.dev/v1alpha1'),
  kind: z.literal('KafkaSink'),
  metadata,
  spec: z.strictObject({
    topic: text,
    contentMode: z.literal('binary'),
    bootstrapServers: z.array(text).min(1),
    // No effect on a laptop:
    auth: z.unknown().optional(),
  }),
});

/** A Strimzi KafkaTopic. */
const KafkaTopicSchema = z.strictObject({
  apiVersion: z.literal('kafka.strimzi.io/v1'),
  kind: z.literal('KafkaTopic'),
  metadata,
  spec: z.strictObject({
    topicName: text,
    partitions: z.number().int().min(1).max(1_000),
    // No effect on a laptop, which has one broker:
    replicas: z.number().int().min(1),
    config: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  }),
});

/** A ConfigMap with environment variables. */
const ConfigMapSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('ConfigMap'),
  metadata,
  data: z.record(z.string(), z.string()),
});

/** The StatefulSet of ingest: one pod, because a shard has one writer. */
const StatefulSetSchema = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('StatefulSet'),
  metadata,
  spec: z.strictObject({
    replicas: z.literal(1, 'expected 1: a shard has one writer'),
    serviceName: name,
    selector: z.unknown(),
    template: z.strictObject({
      metadata: z.unknown(),
      spec: z.strictObject({ ...podFields, terminationGracePeriodSeconds: z.number().int().min(1) }),
    }),
    // No effect on a laptop:
    podManagementPolicy: z.string().optional(),
    updateStrategy: z.unknown().optional(),
  }),
});

/** A Deployment: a process beside the functions that runs all the time, such as the exporter. */
const DeploymentSchema = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('Deployment'),
  metadata,
  spec: z.strictObject({
    replicas: z.literal(1, 'expected 1: the runner starts one process'),
    selector: z.unknown(),
    template: z.strictObject({
      metadata: z.unknown(),
      spec: z.strictObject({ ...podFields, terminationGracePeriodSeconds: z.number().int().min(1) }),
    }),
    // No effect on a laptop:
    strategy: z.unknown().optional(),
  }),
});

/** The list of manifests. A field that changes them, such as `patches`, would make a laptop run something else. */
export const KustomizationSchema = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  resources: z.array(text).min(1),
  // No effect on a laptop:
  namespace: name.optional(),
});

/** The schema of each kind that the runner reads. */
export const SCHEMAS = {
  Service: ServiceSchema,
  KafkaSource: KafkaSourceSchema,
  KafkaSink: KafkaSinkSchema,
  KafkaTopic: KafkaTopicSchema,
  ConfigMap: ConfigMapSchema,
  StatefulSet: StatefulSetSchema,
  Deployment: DeploymentSchema,
} as const;

/** The name of a kind here: its own, but `v1 Service` for Kubernetes' Service, whose kind is also that of Knative's. */
export function kindKey(apiVersion: string, kind: string): string {
  return apiVersion === 'v1' && kind === 'Service' ? 'v1 Service' : kind;
}

/**
 * Kinds that are left to the cluster: the runner neither runs nor reads them, `npm run check:manifests` checks them.
 */
export const CLUSTER_ONLY_KINDS: ReadonlySet<string> = new Set([
  'v1 Service',
  'Namespace',
  'NetworkPolicy',
  'ServiceAccount',
  'Secret',
  'Job',
  'CronJob',
  'PodDisruptionBudget',
  'Kafka',
  'KafkaNodePool',
  'KafkaUser',
  'CassandraDatacenter',
]);
