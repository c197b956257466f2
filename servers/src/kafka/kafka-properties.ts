/** Settings of the broker by name, as in `server.properties`. */
export type KafkaProperties = Readonly<Record<string, string | number | boolean>>;

/** Where the broker listens and keeps its log. */
export interface KafkaPlace {
  readonly port: number;
  readonly controllerPort: number;
  readonly logDir: string;
}

/** The text of `server.properties` for one broker that is its own controller; `overrides` win. */
export function renderKafkaProperties(place: KafkaPlace, overrides: KafkaProperties = {}): string {
  const properties = { ...singleNode(place), ...overrides };
  return (
    Object.entries(properties)
      // A backslash begins an escape in a Java properties file.
      .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
      .join('')
  );
}

function singleNode({ port, controllerPort, logDir }: KafkaPlace): KafkaProperties {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `BROKER://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `BROKER://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'BROKER',
    'log.dirs': logDir,
    'auto.create.topics.enable': false,
    'group.initial.rebalance.delay.ms': 0,
    // One node: every internal topic has one replica. Four partitions instead of 50: a fresh start creates them
    // all.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
  };
}
