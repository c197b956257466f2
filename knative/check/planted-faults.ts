/**
 * What to plant: in this resource, at this place (`~` is a slash within a key), this value; `undefined` takes
 * it out.
 */
export type Plant = readonly [resource: string, path: string, value: unknown];

const SOURCE = 'KafkaSource transform';
const FUNCTION = 'Service aggregate';
const POD = 'spec/template/spec';
const CONTAINER = `${POD}/containers/0`;

const fromSecret = (name: string, key: string) => ({
  name: 'FINNHUB_TOKEN',
  valueFrom: { secretKeyRef: { name, key } },
});

/** Faults of manifests, each with what the check says of it. */
export const PLANTED: readonly {
  readonly fault: string;
  readonly plant: readonly Plant[];
  readonly says: RegExp;
}[] = [
  // Schemas
  {
    fault: 'an unknown field',
    plant: [[SOURCE, 'spec/retries', 3]],
    says: /must NOT have additional properties: retries/,
  },
  {
    fault: 'an unknown field of a core kind',
    plant: [['Job schema', 'spec/retries', 3]],
    says: /Job schema: \/spec .*retries/,
  },
  {
    fault: 'an unknown field deep in a pod',
    plant: [['StatefulSet ingest', `${CONTAINER}/image_`, 'x']],
    says: /image_/,
  },
  {
    fault: 'a wrong type',
    plant: [[FUNCTION, `${POD}/containerConcurrency`, '12']],
    says: /must be integer/,
  },
  {
    fault: 'an unknown kind',
    plant: [[SOURCE, 'kind', 'KafkaSauce']],
    says: /there is no schema for KafkaSauce/,
  },
  {
    fault: 'a name that is missing',
    plant: [[SOURCE, 'spec/sink', undefined]],
    says: /KafkaSource transform: spec\.sink is missing/,
  },
  // Delivery
  {
    fault: 'no delivery block',
    plant: [[SOURCE, 'spec/delivery', undefined]],
    says: /transform: spec\.delivery is missing/,
  },
  {
    fault: 'no retry',
    plant: [[SOURCE, 'spec/delivery/retry', undefined]],
    says: /transform: spec\.delivery\.retry is missing/,
  },
  {
    fault: 'no back-off policy',
    plant: [[SOURCE, 'spec/delivery/backoffPolicy', undefined]],
    says: /transform: spec\.delivery\.backoffPolicy is (missing|wrong)/,
  },
  {
    fault: 'a back-off of PT0S',
    plant: [[SOURCE, 'spec/delivery/backoffDelay', 'PT0S']],
    says: /backoffDelay is wrong: below PT0\.1S nothing is tried again/,
  },
  {
    fault: 'no time-out',
    plant: [[SOURCE, 'spec/delivery/timeout', undefined]],
    says: /transform: spec\.delivery\.timeout is missing/,
  },
  {
    fault: 'no dead letter sink',
    plant: [[SOURCE, 'spec/delivery/deadLetterSink', undefined]],
    says: /transform: spec\.delivery\.deadLetterSink is missing/,
  },
  {
    fault: 'a dead letter sink that is not there',
    plant: [['KafkaSink dead-letters', 'metadata/name', 'graveyard']],
    says: /deadLetterSink\.ref: there is no KafkaSink dead-letters/,
  },
  {
    fault: 'dead letters into no topic',
    plant: [['KafkaSink dead-letters', 'spec/topic', 'market.dad.v1']],
    says: /KafkaSink dead-letters: spec\.topic: there is no KafkaTopic for market\.dad\.v1/,
  },
  {
    fault: 'a service as slow as its delivery',
    plant: [['Service transform', `${POD}/timeoutSeconds`, 90]],
    says: /spec\.delivery\.timeout is not above timeoutSeconds of transform/,
  },
  {
    fault: 'a service that cuts its function off before it gives up',
    plant: [['Service notify', `${POD}/timeoutSeconds`, 30]],
    says: /Service notify: BUDGET_MS is 40000 ms: not below timeoutSeconds \(30\)/,
  },
  {
    fault: 'a group used twice',
    plant: [[SOURCE, 'spec/consumerGroup', 'kandle-aggregate']],
    says: /spec\.consumerGroup kandle-aggregate is used twice/,
  },
  {
    fault: 'a group that the user may not use',
    plant: [[SOURCE, 'spec/consumerGroup', 'transform']],
    says: /consumerGroup is wrong: expected kandle-/,
  },
  {
    fault: 'only new records',
    plant: [[SOURCE, 'spec/initialOffset', 'latest']],
    says: /initialOffset is wrong: .*a new group would skip/,
  },
  {
    fault: 'more consumers than partitions',
    plant: [[SOURCE, 'spec/consumers', 13]],
    says: /spec\.consumers: market\.raw\.v1 has 12 partitions/,
  },
  {
    fault: 'a topic that is not there',
    plant: [[SOURCE, 'spec/topics', ['market.row.v1']]],
    says: /there is no KafkaTopic for market\.row\.v1/,
  },
  {
    fault: 'a sink that is not there',
    plant: [[SOURCE, 'spec/sink/ref/name', 'transfrom']],
    says: /spec\.sink\.ref: there is no Service transfrom/,
  },
  // Kafka
  {
    fault: 'another Kafka for a source',
    plant: [[SOURCE, 'spec/bootstrapServers', ['kafka:9092']]],
    says: /bootstrapServers is not KAFKA_BROKERS/,
  },
  {
    fault: 'a source that does not log in',
    plant: [[SOURCE, 'spec/net', undefined]],
    says: /transform: the pipeline logs in/,
  },
  {
    fault: 'a sink that does not log in',
    plant: [['KafkaSink dead-letters', 'spec/auth', undefined]],
    says: /dead-letters: the pipeline logs in/,
  },
  {
    fault: 'a listener that is not there',
    plant: [['Kafka kandle', 'spec/kafka/listeners/0/port', 9094]],
    says: /does not listen to port 9093/,
  },
  {
    fault: 'more copies than nodes',
    plant: [['KafkaTopic market-raw-v1', 'spec/replicas', 5]],
    says: /5 copies on 3 nodes/,
  },
  {
    fault: 'no node to spare',
    plant: [['KafkaTopic market-raw-v1', 'spec/config', { 'retention.ms': 1, 'min.insync.replicas': 3 }]],
    says: /no node could be away/,
  },
  {
    fault: 'records that outlive their windows',
    plant: [['KafkaTopic market-dead-v1', 'spec/config/retention.ms', 1_728_000_000]],
    says: /kept for 20 days, and windows for 16/,
  },
  // Pods
  {
    fault: 'a pod as root',
    plant: [[FUNCTION, `${CONTAINER}/securityContext/runAsNonRoot`, false]],
    says: /aggregate: securityContext\.runAsNonRoot/,
  },
  {
    fault: 'a pod that may rise',
    plant: [['StatefulSet ingest', `${CONTAINER}/securityContext/allowPrivilegeEscalation`, true]],
    says: /ingest: securityContext\.allowPrivilegeEscalation/,
  },
  {
    fault: 'a pod that writes its image',
    plant: [['Job schema', `${CONTAINER}/securityContext/readOnlyRootFilesystem`, false]],
    says: /schema: securityContext\.readOnlyRootFilesystem/,
  },
  {
    fault: 'a pod with capabilities',
    plant: [[FUNCTION, `${CONTAINER}/securityContext/capabilities`, undefined]],
    says: /capabilities: expected drop/,
  },
  {
    fault: 'a pod without a seccomp profile',
    plant: [['StatefulSet ingest', `${POD}/securityContext/seccompProfile`, undefined]],
    says: /ingest: securityContext\.seccompProfile/,
  },
  {
    fault: 'a pod with a token',
    plant: [[FUNCTION, `${POD}/automountServiceAccountToken`, true]],
    says: /automountServiceAccountToken/,
  },
  {
    fault: 'an account that is not there',
    plant: [[FUNCTION, `${POD}/serviceAccountName`, 'default']],
    says: /serviceAccountName: expected an account/,
  },
  {
    fault: 'a pod without a memory limit',
    plant: [[FUNCTION, `${CONTAINER}/resources/limits`, undefined]],
    says: /resources\.limits: expected memory/,
  },
  {
    fault: 'a pod without its name',
    plant: [[FUNCTION, 'spec/template/metadata/labels', {}]],
    says: /expected the same label on the pod/,
  },
  // Functions
  {
    fault: 'a function that the world can call',
    plant: [[FUNCTION, 'metadata/labels/networking.knative.dev~visibility', undefined]],
    says: /visibility: expected cluster-local/,
  },
  {
    fault: 'a function that never sleeps',
    plant: [[FUNCTION, 'spec/template/metadata/annotations/autoscaling.knative.dev~min-scale', '1']],
    says: /min-scale: expected 0/,
  },
  {
    fault: 'a function without bound',
    plant: [[FUNCTION, 'spec/template/metadata/annotations/autoscaling.knative.dev~max-scale', undefined]],
    says: /max-scale: expected a bound/,
  },
  {
    fault: 'a function with the runtime’s probes',
    plant: [[FUNCTION, `${CONTAINER}/readinessProbe`, undefined]],
    says: /expected its own/,
  },
  {
    fault: 'a target that is not the limit',
    plant: [[FUNCTION, `${POD}/containerConcurrency`, 6]],
    says: /target: expected containerConcurrency/,
  },
  // Ingest
  {
    fault: 'two writers',
    plant: [['StatefulSet ingest', 'spec/replicas', 2]],
    says: /ingest: spec\.replicas is wrong: .*a shard has one writer/,
  },
  {
    fault: 'a Deployment of the writer',
    plant: [
      ['StatefulSet ingest', 'spec/serviceName', undefined],
      ['StatefulSet ingest', 'spec/podManagementPolicy', undefined],
      ['StatefulSet ingest', 'spec/updateStrategy', undefined],
      ['StatefulSet ingest', 'kind', 'Deployment'],
    ],
    says: /ingest: two pods of one feed could write at once/,
  },
  // Images
  {
    fault: 'another image',
    plant: [[FUNCTION, `${CONTAINER}/image`, 'registry.example.com/kandle/persist:0.1.0']],
    says: /expected kandle\/aggregate/,
  },
  {
    fault: 'the latest image',
    plant: [[FUNCTION, `${CONTAINER}/image`, 'registry.example.com/kandle/aggregate:latest']],
    says: /expected a version/,
  },
  {
    fault: 'an image of another version',
    plant: [[FUNCTION, `${CONTAINER}/image`, 'registry.example.com/kandle/aggregate:0.2.0']],
    says: /different places or versions/,
  },
  // Environment
  {
    fault: 'a variable that nobody knows',
    plant: [['ConfigMap kandle-kafka', 'data/KAFKA_BROKER', 'x']],
    says: /envFrom kandle-kafka has what the configuration of \w+ does not know: KAFKA_BROKER$/,
  },
  {
    fault: 'a ConfigMap that is not there',
    plant: [[FUNCTION, `${CONTAINER}/envFrom/0/configMapRef/name`, 'kafka']],
    says: /envFrom kafka: there is no such ConfigMap/,
  },
  {
    fault: 'a Secret that nobody makes',
    plant: [['StatefulSet ingest', `${CONTAINER}/env/3`, fromSecret('finhub', 'token')]],
    says: /there is no Secret finhub with a key token/,
  },
  {
    fault: 'a key that its Secret has not',
    plant: [['StatefulSet ingest', `${CONTAINER}/env/3`, fromSecret('finnhub', 'key')]],
    says: /there is no Secret finnhub with a key key/,
  },
  {
    fault: 'a secret in the environment',
    plant: [['StatefulSet ingest', `${CONTAINER}/env/3`, fromSecret('finnhub', 'token')]],
    says: /StatefulSet ingest: env FINNHUB_TOKEN: a secret belongs into a file/,
  },
  {
    fault: 'a password that is not mounted',
    plant: [[FUNCTION, `${CONTAINER}/volumeMounts`, []]],
    says: /KAFKA_SASL_PASSWORD_FILE: nothing is mounted/,
  },
  {
    fault: 'a Secret without the file',
    plant: [['ConfigMap kandle-kafka', 'data/KAFKA_TLS_CA_FILE', '/secrets/kafka/ca.pem']],
    says: /KAFKA_TLS_CA_FILE: nothing is mounted/,
  },
  {
    fault: 'rules that are nowhere',
    plant: [['Service signal', `${CONTAINER}/env/0/value`, '/etc/kandle/rules.yaml']],
    says: /RULES_FILE: nothing is mounted/,
  },
  {
    fault: 'a ConfigMap without the file',
    plant: [['ConfigMap signal-rules', 'data', {}]],
    says: /RULES_FILE: nothing is mounted/,
  },
  {
    fault: 'a Cassandra that does not start',
    plant: [['CassandraDatacenter dc1', 'spec/config/cassandra-yaml/commitlog_sync', 'batch']],
    says: /dc1: commitlog_sync batch: expected commitlog_sync_period: 0ms beside it/,
  },
  {
    fault: 'a probe of no port',
    plant: [['StatefulSet ingest', `${CONTAINER}/readinessProbe/httpGet/port`, 'metrics']],
    says: /readinessProbe\.httpGet\.port metrics: the container has no such port/,
  },
  // Names and network
  {
    fault: 'a name twice',
    plant: [['KafkaSource aggregate', 'metadata/name', 'transform']],
    says: /KafkaSource transform: metadata\.name is used twice/,
  },
  {
    fault: 'a budget for nobody',
    plant: [
      [
        'PodDisruptionBudget persist',
        'spec/selector/matchLabels',
        { 'serving.knative.dev/service': 'persits' },
      ],
    ],
    says: /there is no function persits/,
  },
  {
    fault: 'no default deny',
    plant: [['NetworkPolicy default-deny', 'spec/podSelector', { matchLabels: { a: 'b' } }]],
    says: /default-deny: expected one for all pods/,
  },
  {
    fault: 'a function that cannot reach Kafka',
    plant: [
      ['NetworkPolicy to-kafka', 'spec/podSelector/matchExpressions/0/values', ['ingest', 'transform']],
    ],
    says: /to-kafka leaves aggregate out/,
  },
  {
    fault: 'a function that needs no Kafka',
    plant: [
      [
        'NetworkPolicy to-cassandra',
        'spec/podSelector/matchExpressions/0/values',
        ['schema', 'aggregate', 'persist', 'signal', 'notify', 'transform'],
      ],
    ],
    says: /to-cassandra: transform does not need it/,
  },
  {
    fault: 'a closed port',
    plant: [['NetworkPolicy to-kafka', 'spec/egress/0/ports/0/port', 9092]],
    says: /to-kafka: port 9093 is closed/,
  },
  {
    fault: 'a policy for nobody',
    plant: [['NetworkPolicy to-internet', 'spec/podSelector/matchExpressions/0/values', ['injest']]],
    says: /to-internet: there is no injest/,
  },
  // Senders
  {
    fault: 'a token for another function',
    plant: [[SOURCE, 'spec/sink/audience', 'serving.knative.dev/service/kandle/persist']],
    says: /transform: spec\.sink\.audience: expected serving\.knative\.dev\/service\/kandle\/transform/,
  },
  {
    fault: 'a source without a token',
    plant: [[SOURCE, 'spec/sink/audience', undefined]],
    says: /transform: spec\.sink\.audience: expected/,
  },
  {
    fault: 'a sender that is not allowed, and one that is nobody',
    plant: [['KafkaSource persist-trades', 'metadata/name', 'persist-deals']],
    says: /OIDC_SUBJECTS leaves .*:persist-deals-oidc-.* out/,
  },
  {
    fault: 'somebody else who may send',
    plant: [['KafkaSource persist-trades', 'metadata/name', 'persist-deals']],
    says: /OIDC_SUBJECTS: .*:persist-trades-oidc-.* does not need it/,
  },
  {
    fault: 'a function that does not ask',
    plant: [[FUNCTION, `${CONTAINER}/envFrom`, [{ configMapRef: { name: 'kandle-kafka' } }]]],
    says: /envFrom kandle-senders leaves aggregate out/,
  },
  {
    fault: 'a function that cannot fetch the keys',
    plant: [['NetworkPolicy to-cluster-api', 'spec/podSelector/matchExpressions/0/values', ['transform']]],
    says: /to-cluster-api leaves aggregate out/,
  },
  {
    fault: 'a token that nobody asks for',
    plant: [['ConfigMap kandle-senders', 'metadata/name', 'kandle-others']],
    says: /transform: spec\.sink\.audience: no function asks for it/,
  },
  // The same as on a laptop
  {
    fault: 'something that a laptop would not show',
    plant: [[SOURCE, 'spec/delivery/retry', 3]],
    says: /transform: spec\.delivery\.retry is not what npm start runs/,
  },
  {
    fault: 'a variable only on the cluster',
    plant: [['StatefulSet ingest', `${CONTAINER}/env/2/value`, 'AAPL']],
    says: /ingest: spec\.template\.spec\.containers\.0\.env\.2\.value is not what npm start runs/,
  },
  {
    fault: 'a variable of a function only on the cluster',
    plant: [[FUNCTION, `${CONTAINER}/env`, [{ name: 'LOG_LEVEL', value: 'debug' }]]],
    says: /aggregate: spec\.template\.spec\.containers\.0\.env\.0\.name is not what npm start runs/,
  },
];
