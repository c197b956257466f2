import { TOPICS } from '@kandle/market/event/topics';
import { kafkaUserOf } from './names.ts';
import { COMPONENTS, type Component, type GroupVerb, type KafkaRights, type Topic } from './rights.ts';

/** Kafka's names of what the verbs allow. */
export type Operation = 'Read' | 'Write' | 'Describe' | 'Delete';

/** What a user may do with a topic, or with one consumer group or all whose names begin alike. */
export interface Acl {
  readonly type: 'topic' | 'group';
  readonly name: string;
  readonly pattern: 'literal' | 'prefix';
  /** In the order of the alphabet. Kafka takes Read, Write and Delete to include Describe. */
  readonly operations: readonly Operation[];
}

/** A user of Kafka and what it may do; what is not named is refused. */
export interface KafkaUser {
  readonly component: string;
  readonly user: string;
  readonly acls: readonly Acl[];
}

const GROUP_OPERATION: Readonly<Record<GroupVerb, Operation>> = {
  read: 'Read',
  describe: 'Describe',
  delete: 'Delete',
};

/** Kafka's users, in the order of the components. */
export function kafkaUsers(components: readonly Component[] = COMPONENTS): readonly KafkaUser[] {
  return components.flatMap(({ name, kafka }) =>
    kafka === undefined ? [] : [{ component: name, user: kafkaUserOf(name), acls: aclsOf(kafka) }],
  );
}

function aclsOf({ read = [], write = [], describe = [], groups = {} }: KafkaRights): readonly Acl[] {
  const topics = new Map<Topic, Operation[]>();
  const add = (names: readonly Topic[], operation: Operation): void => {
    for (const topic of names) topics.set(topic, [...(topics.get(topic) ?? []), operation]);
  };
  add(describe, 'Describe');
  add(read, 'Read');
  add(write, 'Write');
  return [
    ...Array.from(
      topics,
      ([topic, operations]): Acl => ({ type: 'topic', name: TOPICS[topic], pattern: 'literal', operations }),
    ),
    ...Object.entries(groups).map(
      ([name, verbs]): Acl => ({
        type: 'group',
        name: name.replace(/\*$/, ''),
        pattern: name.endsWith('*') ? 'prefix' : 'literal',
        operations: verbs.map((verb) => GROUP_OPERATION[verb]).toSorted(),
      }),
    ),
  ];
}
