import {
  type Connection,
  createAclsV3,
  createPartitionsV3,
  createTopicsV7,
  deleteGroupsV2,
  deleteTopicsV6,
  describeConfigsV4,
  describeGroupsV5,
  fetchV12,
  heartbeatV4,
  incrementalAlterConfigsV1,
  listOffsetsV9,
  produceV11,
} from '@platformatic/kafka';

/** A verb of Kafka, tried: resolves to whether the broker let it through. */
export type Attempt = (connection: Connection, name: string) => Promise<boolean>;

const TOPIC = 2;
const TIMEOUT_MS = 10_000;
const newTopic = (name: string) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
});

/** Every operation that Kafka knows of a topic. What would change it is only validated, but for Delete. */
export const TOPIC_VERBS: Readonly<Record<string, Attempt>> = {
  Read: (connection, topic) =>
    passes(
      fetchV12.api.async(
        connection,
        0,
        0,
        1_000_000,
        0,
        0,
        -1,
        [
          {
            // Up to version 12 its name.
            topicId: topic,
            partitions: [
              {
                partition: 0,
                currentLeaderEpoch: -1,
                fetchOffset: 0n,
                lastFetchedEpoch: -1,
                partitionMaxBytes: 1_000,
              },
            ],
          },
        ],
        [],
        '',
      ),
    ),
  Write: (connection, topic) =>
    passes(
      produceV11.api.async(connection, 1, TIMEOUT_MS, [
        { topic, partition: 0, value: Buffer.from('x'), key: Buffer.from('x') },
      ]),
    ),
  Describe: (connection, topic) =>
    passes(
      listOffsetsV9.api.async(connection, -1, 0, [
        { name: topic, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n }] },
      ]),
    ),
  Create: (connection, topic) =>
    passes(createTopicsV7.api.async(connection, [newTopic(`${topic}.new`)], TIMEOUT_MS, true)),
  Alter: (connection, name) =>
    passes(
      createPartitionsV3.api.async(connection, [{ name, count: 9, assignments: null }], TIMEOUT_MS, true),
    ),
  DescribeConfigs: (connection, resourceName) =>
    passes(describeConfigsV4.api.async(connection, [{ resourceType: TOPIC, resourceName }])),
  AlterConfigs: (connection, resourceName) =>
    passes(
      incrementalAlterConfigsV1.api.async(
        connection,
        [
          {
            resourceType: TOPIC,
            resourceName,
            configs: [{ name: 'retention.ms', configOperation: 0, value: '1000' }],
          },
        ],
        true,
      ),
    ),
  Delete: (connection, name) => passes(deleteTopicsV6.api.async(connection, [{ name }], TIMEOUT_MS)),
};

/** Every operation that Kafka knows of a consumer group; of one that is not there, so that nothing is lost. */
export const GROUP_VERBS: Readonly<Record<string, Attempt>> = {
  Read: (connection, group) => passes(heartbeatV4.api.async(connection, group, 1, 'nobody', null)),
  Describe: (connection, group) => passes(describeGroupsV5.api.async(connection, [group], false)),
  Delete: (connection, group) => passes(deleteGroupsV2.api.async(connection, [group])),
};

/** Whether a user may give itself rights. */
export const alterAcls: Attempt = (connection, user) =>
  passes(
    createAclsV3.api.async(connection, [
      {
        principal: `User:${user}`,
        host: '*',
        operation: 2,
        permissionType: 3,
        resourceType: TOPIC,
        resourceName: '*',
        resourcePatternType: 3,
      },
    ]),
  );

/**
 * True unless the broker refused for want of a right: an answer that something is not there came after that.
 */
async function passes(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    const ids = idsOf(error);
    if (ids.length === 0) throw error;
    return !ids.some((id) => id.endsWith('_AUTHORIZATION_FAILED'));
  }
}

/** Kafka's names of the errors in an answer. */
function idsOf(error: unknown): readonly string[] {
  const { apiId, errors = [] }: { apiId?: unknown; errors?: readonly unknown[] } = Object(error);
  return [...(typeof apiId === 'string' ? [apiId] : []), ...errors.flatMap(idsOf)];
}
