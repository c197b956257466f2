import { z } from 'zod';
import { DurationSchema } from './duration.ts';
import { QUANTITY } from './quantity.ts';

/**
 * Every kind of resource in the manifests, as the runner and `npm run check:manifests` read it.
 *
 * The kinds that `npm start` runs are known field by field: a field that is not here stops the start with its
 * name, for silently ignoring it would make a laptop behave unlike a cluster. Fields under "no effect on a
 * laptop" are accepted and change nothing there. Of the kinds that only a cluster runs, what the checks look at
 * is here; which fields they may have at all is the matter of their own JSON schemas (`knative/schemas`).
 */

const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a Kubernetes name');
const text = z.string().min(1);
const wholeText = z.string().regex(/^\d{1,6}$/, 'expected a whole number in quotes');
const texts = z.record(z.string(), z.string());
const quantities = z
  .record(z.string(), z.string().regex(QUANTITY, 'expected a quantity such as 250m or 192Mi'))
  .default({});

const metadata = z.strictObject({ name, namespace: name.optional(), labels: texts.default({}) });
const annotatedMetadata = metadata.extend({ annotations: texts.optional() });

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

const port = z.strictObject({
  name: text.optional(),
  containerPort: z.number().int().min(1).max(65_535),
});

const context = z.record(z.string(), z.unknown()).default({});

const containerFields = {
  name,
  image: text,
  /** Every entry of a ConfigMap as a variable; `env` wins over it, as on a cluster. */
  envFrom: z.array(z.strictObject({ configMapRef: z.strictObject({ name }) })).default([]),
  env: z.array(envVariable).default([]),
  readinessProbe: probe.optional(),
  /** The memory limit is the heap's on a laptop too; nothing else has an effect there. */
  resources: z.strictObject({ requests: quantities, limits: quantities }).prefault({}),
  // No effect on a laptop:
  livenessProbe: probe.optional(),
  imagePullPolicy: z.string().optional(),
  securityContext: context,
  volumeMounts: z.array(z.looseObject({ name: text, mountPath: text })).default([]),
  terminationMessagePolicy: z.string().optional(),
};

const container = z.strictObject({ ...containerFields, ports: z.array(port).length(1) });

const projectedSource = z.looseObject({
  serviceAccountToken: z.looseObject({ path: text }).optional(),
  configMap: z.looseObject({ items: z.array(z.looseObject({ path: text })).default([]) }).optional(),
});

const podFields = {
  // No effect on a laptop:
  serviceAccountName: name.optional(),
  automountServiceAccountToken: z.boolean().optional(),
  enableServiceLinks: z.boolean().optional(),
  securityContext: context,
  volumes: z
    .array(
      z.looseObject({
        name: text,
        secret: z.looseObject({ secretName: text.optional() }).optional(),
        configMap: z.looseObject({ name: text.optional() }).optional(),
        persistentVolumeClaim: z.looseObject({ claimName: text }).optional(),
        projected: z.looseObject({ sources: z.array(projectedSource) }).optional(),
      }),
    )
    .default([]),
};

const podMetadata = z.looseObject({ labels: texts.default({}), annotations: texts.default({}) }).prefault({});

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
            .prefault({}),
          labels: texts.default({}),
        })
        .prefault({}),
      spec: z.strictObject({
        ...podFields,
        containers: z.tuple([container]),
        containerConcurrency: z.number().int().min(0).max(1_000).default(0),
        timeoutSeconds: z.number().int().min(1).max(600).default(300),
      }),
    }),
  }),
});

/** Tries beyond which a source would never give up. */
const MOST_TRIES = 1_000;

/** A KafkaSource. Its delivery block must be whole: without `retry`, there is no retry at all. */
const KafkaSourceSchema = z.strictObject({
  apiVersion: z.literal('sources.knative.dev/v1'),
  kind: z.literal('KafkaSource'),
  metadata: annotatedMetadata,
  spec: z.strictObject({
    bootstrapServers: z.array(text).min(1),
    topics: z.array(text).length(1),
    consumerGroup: z
      .string()
      .regex(/^kandle-[a-z0-9-]+$/, 'expected kandle-…, which is what the pipeline may use'),
    // No effect, on a cluster as installed neither: a dispatcher makes one consumer of a source.
    consumers: z.number().int().min(1).max(100).default(1),
    initialOffset: z.literal('earliest', 'expected earliest: a new group would skip what is there'),
    ordering: z.enum(['ordered', 'unordered']),
    delivery: z.strictObject({
      retry: z.number().int().min(1, 'without it nothing is tried again').max(MOST_TRIES),
      backoffPolicy: z.enum(['linear', 'exponential']),
      backoffDelay: DurationSchema.refine((ms) => ms >= 100, 'below PT0.1S nothing is tried again'),
      timeout: DurationSchema.refine((ms) => ms > 0, 'expected a time-out above 0'),
      deadLetterSink: z.strictObject({ ref: reference('KafkaSink', 'eventing.knative.dev/v1alpha1') }),
    }),
    sink: z.strictObject({
      ref: reference('Service', 'serving.knative.dev/v1'),
      // No effect on a laptop, whose sources have no identity:
      audience: text.optional(),
    }),
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
  metadata: annotatedMetadata,
  data: texts,
});

const longRunningPod = z.strictObject({
  metadata: podMetadata,
  spec: z.strictObject({
    ...podFields,
    containers: z.tuple([container]),
    terminationGracePeriodSeconds: z.number().int().min(1),
  }),
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
    template: longRunningPod,
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
    template: longRunningPod,
    // No effect on a laptop:
    strategy: z.unknown().optional(),
  }),
});

/**
 * The list of manifests. A field that changes them, such as `patches`, would make a laptop run something else.
 */
export const KustomizationSchema = z.strictObject({
  apiVersion: z.templateLiteral(['kustomize.config.k8s.io/', z.enum(['v1alpha1', 'v1beta1'])]),
  kind: z.enum(['Kustomization', 'Component']),
  resources: z.array(text).min(1),
  // No effect on a laptop:
  namespace: name.optional(),
});

const clusterMetadata = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: texts.default({}),
});

const clusterKind = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.looseObject({ apiVersion: text, kind: text, metadata: clusterMetadata, ...shape });

const endingPod = z.looseObject({
  metadata: podMetadata,
  spec: z.looseObject({
    ...podFields,
    containers: z.tuple([z.looseObject({ ...containerFields, ports: z.array(port).default([]) })]),
  }),
});

const selector = z.looseObject({
  matchLabels: texts.default({}),
  matchExpressions: z
    .array(z.looseObject({ key: text, operator: text, values: z.array(z.string()).default([]) }))
    .default([]),
});

const networkPort = z.looseObject({
  protocol: z.string().default('TCP'),
  port: z.union([z.string(), z.number()]).optional(),
});

const networkPeer = z.looseObject({
  namespaceSelector: selector.optional(),
  podSelector: selector.optional(),
  ipBlock: z.looseObject({ cidr: text, except: z.array(text).default([]) }).optional(),
});

const NetworkPolicySchema = clusterKind({
  spec: z.looseObject({
    podSelector: selector,
    policyTypes: z.array(z.string()).default([]),
    egress: z
      .array(
        z.looseObject({
          ports: z.array(networkPort).default([]),
          to: z.array(networkPeer).default([]),
        }),
      )
      .default([]),
    ingress: z
      .array(
        z.looseObject({ ports: z.array(networkPort).default([]), from: z.array(networkPeer).default([]) }),
      )
      .default([]),
  }),
});

const resources = z.looseObject({ requests: quantities }).prefault({});

const KafkaSchema = clusterKind({
  spec: z.looseObject({
    kafka: z.looseObject({
      listeners: z.array(
        z.looseObject({ port: z.number(), tls: z.boolean(), authentication: z.unknown().optional() }),
      ),
    }),
  }),
});

/** The schema of each kind, by the name that `kindKey` gives it. */
export const SCHEMAS = {
  // What `npm start` runs:
  Service: ServiceSchema,
  KafkaSource: KafkaSourceSchema,
  KafkaSink: KafkaSinkSchema,
  KafkaTopic: KafkaTopicSchema,
  ConfigMap: ConfigMapSchema,
  StatefulSet: StatefulSetSchema,
  Deployment: DeploymentSchema,
  // What is left to the cluster:
  'v1 Service': clusterKind({}),
  Namespace: clusterKind({}),
  ServiceAccount: clusterKind({}),
  Secret: clusterKind({}),
  NetworkPolicy: NetworkPolicySchema,
  Job: clusterKind({ spec: z.looseObject({ template: endingPod }) }),
  CronJob: clusterKind({
    spec: z.looseObject({ jobTemplate: z.looseObject({ spec: z.looseObject({ template: endingPod }) }) }),
  }),
  PersistentVolumeClaim: clusterKind({}),
  PodDisruptionBudget: clusterKind({ spec: z.looseObject({ selector }) }),
  Kafka: KafkaSchema,
  KafkaNodePool: clusterKind({ spec: z.looseObject({ replicas: z.number(), resources }) }),
  KafkaUser: clusterKind({}),
  CassandraDatacenter: clusterKind({
    spec: z.looseObject({
      size: z.number(),
      resources,
      config: z.record(z.string(), z.unknown()).default({}),
    }),
  }),
} as const;

/**
 * The name of a kind here: its own, but `v1 Service` for Kubernetes' Service, whose kind is also that of
 * Knative's.
 */
export function kindKey(apiVersion: string, kind: string): string {
  return apiVersion === 'v1' && kind === 'Service' ? 'v1 Service' : kind;
}
