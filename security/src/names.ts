import { COMPONENTS } from './rights.ts';

/** The name of a component's user in Kafka. */
export function kafkaUserOf(component: string): string {
  return `kandle-${component}`;
}

/** The name of a component's role in Cassandra, which takes no hyphen without quotes. */
export function roleOf(component: string): string {
  return `kandle_${component.replaceAll('-', '_')}`;
}

/** The Secret, or the folder, with a component's login to Kafka: `user`, `password`, `ca.crt` and more. */
export function kafkaSecretOf(component: string): string {
  return `kafka-${component}`;
}

/** The Secret, or the folder, with a component's login to Cassandra: `username`, `password` and more. */
export function cassandraSecretOf(component: string): string {
  return `cassandra-${component}`;
}

/** The components that log in to Kafka. */
export const KAFKA_COMPONENTS: readonly string[] = COMPONENTS.filter(({ kafka }) => kafka !== undefined).map(
  ({ name }) => name,
);

/** The components that log in to Cassandra with rights of this list. */
export const CASSANDRA_COMPONENTS: readonly string[] = COMPONENTS.filter(
  ({ cassandra }) => cassandra !== undefined,
).map(({ name }) => name);
