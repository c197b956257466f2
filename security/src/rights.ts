import type { TOPICS } from '@kandle/market/event/topics';

/** A topic by what it carries. */
export type Topic = keyof typeof TOPICS;

/**
 * The views: what may be shown to people. Grafana and the console may read these, and nothing else.
 */
export const VIEWS = [
  'trades',
  'latest',
  'candles_5s',
  'candle_revisions',
  'candles_1m',
  'candles_5m',
  'candles_1h',
  'candles_1d',
  'candle_intervals',
  'indicators',
  'signals',
  'order_books',
  'news',
  'feed_gaps',
  'instruments',
  'instrument_lists',
  'audits',
  'promotions',
] as const;

/** What the pipeline keeps for itself. */
export const STATES = [
  'windows',
  'shards',
  'rollup_pending',
  'news_ratings',
  'state_windows',
  'indicator_states',
  'notifications',
  'repairs',
  'schema_steps',
] as const;

/** Every table that `cql/` makes. */
export const TABLES = [...VIEWS, ...STATES] as const;
/** One of {@link TABLES}. */
export type Table = (typeof TABLES)[number];

/** What may be done with a consumer group: take part in it, see how far it is, delete it. */
export type GroupVerb = 'read' | 'describe' | 'delete';

/** What a component may do in Kafka. To read or to write a topic includes to describe it: how long it is. */
export interface KafkaRights {
  readonly read?: readonly Topic[];
  readonly write?: readonly Topic[];
  readonly describe?: readonly Topic[];
  /** By name; one that ends with `*` stands for every group that begins so. */
  readonly groups?: Readonly<Record<string, readonly GroupVerb[]>>;
}

/** What a component may do in Cassandra. A conditional write (`IF`) needs both. */
export interface CassandraRights {
  readonly select?: readonly Table[];
  /** INSERT, UPDATE and DELETE. */
  readonly modify?: readonly Table[];
}

/** A part of Kandle that logs in under a name of its own. */
export interface Component {
  readonly name: string;
  /** What needs these rights, in a few words. */
  readonly is: string;
  readonly kafka?: KafkaRights;
  readonly cassandra?: CassandraRights;
}

const OWN: readonly GroupVerb[] = ['read', 'delete'];

const CANDLES = ['candles_5s', 'candles_1m', 'candles_5m', 'candles_1h', 'candles_1d'] as const;
/** What the audit compares with the raw log. */
const AUDITED = ['windows', 'shards', 'rollup_pending', 'trades', 'feed_gaps', ...CANDLES] as const;
const AUDIT_GROUPS = {
  'kandle-audit-*': OWN,
  'kandle-transform': ['describe'],
  'kandle-aggregate': ['describe'],
  'kandle-persist-trades': ['describe'],
  'kandle-persist-candles': ['describe'],
} as const satisfies KafkaRights['groups'];
const AUDIT_READS = ['raw', 'rejects', 'dead', 'redriven', 'trades', 'candles'] as const;

/**
 * Who may do what: the one place where that is written down. Everything else is made from it: Kafka's users and
 * their ACLs, Cassandra's roles and their grants, the table in docs/security.md. `npm run rights -- --build`.
 *
 * The administrators are not in it: who makes topics and users in Kafka, and the schema job, the only one that
 * makes, alters or drops a table.
 */
export const COMPONENTS: readonly Component[] = [
  {
    name: 'ingest',
    is: 'the feed to Kafka; reads its last minutes back at start',
    kafka: { read: ['raw'], write: ['raw', 'rejects'], groups: { 'kandle-ingest-*': OWN } },
  },
  { name: 'transform', is: 'cleans batches', kafka: { write: ['trades', 'rejects'] } },
  {
    name: 'aggregate',
    is: 'folds trades into windows, publishes candles',
    kafka: { write: ['candles'] },
    cassandra: { select: ['windows', 'shards'], modify: ['windows', 'shards'] },
  },
  {
    name: 'persist',
    is: 'writes the views, and makes longer candles of shorter ones',
    cassandra: {
      select: ['candles_5s', 'candles_1m', 'candles_5m', 'candles_1h', 'rollup_pending'],
      modify: [
        'trades',
        'latest',
        ...CANDLES,
        'candle_revisions',
        'indicators',
        'signals',
        'order_books',
        'news',
        'news_ratings',
        'feed_gaps',
        'instruments',
        'instrument_lists',
        'rollup_pending',
      ],
    },
  },
  {
    name: 'signal',
    is: 'indicators and signals of final candles',
    kafka: { write: ['signals'] },
    cassandra: { select: ['state_windows', 'indicator_states', 'news_ratings'], modify: ['state_windows'] },
  },
  {
    name: 'notify',
    is: 'tells targets of signals, each once',
    cassandra: { select: ['notifications'], modify: ['notifications'] },
  },
  {
    name: 'query',
    is: 'answers questions over HTTP, and streams',
    kafka: { read: ['candles', 'signals', 'rejects'], groups: { 'kandle-query-*': OWN } },
    cassandra: {
      select: [
        'trades',
        'latest',
        ...CANDLES,
        'candle_revisions',
        'indicators',
        'signals',
        'feed_gaps',
        'instruments',
        'instrument_lists',
        'rollup_pending',
        'promotions',
      ],
    },
  },
  {
    name: 'instruments',
    is: "the vendors' lists to Kafka",
    kafka: { write: ['instruments'] },
  },
  {
    name: 'archive',
    is: 'writes the closed hours of the raw log to files, where it is taken in',
    kafka: { read: ['raw'], groups: { 'kandle-archive': OWN, 'kandle-archive-*': OWN } },
  },
  {
    name: 'exporter',
    is: 'metrics of lag, freshness, gaps and audits',
    kafka: {
      describe: ['raw', 'trades', 'candles', 'signals', 'instruments', 'rejects', 'dead'],
      groups: { 'kandle-*': ['describe'] },
    },
    cassandra: {
      select: ['latest', 'feed_gaps', 'indicators', 'shards', 'audits', 'instrument_lists', 'promotions'],
    },
  },
  {
    name: 'audit',
    is: 'counts everything again, and records the verdict',
    kafka: { read: AUDIT_READS, groups: AUDIT_GROUPS },
    cassandra: { select: AUDITED, modify: ['audits'] },
  },
  {
    name: 'repair',
    is: 'an audit that a person lets mend what it finds',
    kafka: { read: AUDIT_READS, write: ['candles'], groups: AUDIT_GROUPS },
    cassandra: {
      select: [...AUDITED, 'repairs'],
      modify: ['audits', 'repairs', 'windows', 'trades', 'feed_gaps', ...CANDLES],
    },
  },
  {
    name: 'restore',
    is: 'sets transform, persist and notify back after a loss, and audits',
    kafka: {
      read: ['signals', ...AUDIT_READS],
      groups: {
        ...AUDIT_GROUPS,
        'kandle-transform': ['read'],
        'kandle-persist-trades': ['read'],
        'kandle-notify': ['read'],
      },
    },
    cassandra: { select: AUDITED, modify: ['audits'] },
  },
  {
    name: 'redrive',
    is: 'sends dead letters and refused records again',
    kafka: {
      read: ['dead', 'redriven', 'rejects', 'trades'],
      write: ['raw', 'trades', 'candles', 'signals', 'instruments', 'redriven'],
      groups: { 'kandle-redrive-*': OWN },
    },
  },
  {
    name: 'backfill',
    is: "brings what a feed has missed from its vendor's history or a recording, where it is taken in",
    kafka: { read: ['raw', 'redriven'], write: ['raw', 'redriven'], groups: { 'kandle-backfill-*': OWN } },
  },
  {
    name: 'transform-source',
    is: 'the KafkaSource of transform',
    kafka: { read: ['raw'], groups: { 'kandle-transform': OWN } },
  },
  {
    name: 'aggregate-source',
    is: 'the KafkaSource of aggregate',
    kafka: { read: ['trades'], groups: { 'kandle-aggregate': OWN } },
  },
  {
    name: 'persist-source',
    is: 'the four KafkaSources of persist',
    kafka: {
      read: ['raw', 'candles', 'signals', 'instruments'],
      groups: {
        'kandle-persist-trades': OWN,
        'kandle-persist-candles': OWN,
        'kandle-persist-signals': OWN,
        'kandle-persist-instruments': OWN,
      },
    },
  },
  {
    name: 'signal-source',
    is: 'the KafkaSource of signal',
    kafka: { read: ['candles'], groups: { 'kandle-signal': OWN } },
  },
  {
    name: 'notify-source',
    is: 'the KafkaSource of notify',
    kafka: { read: ['signals'], groups: { 'kandle-notify': OWN } },
  },
  {
    name: 'sink-redis-source',
    is: 'the three KafkaSources of sink-redis, where it is taken in',
    kafka: {
      read: ['trades', 'candles', 'signals'],
      groups: {
        'kandle-sink-redis-trades': OWN,
        'kandle-sink-redis-candles': OWN,
        'kandle-sink-redis-signals': OWN,
      },
    },
  },
  {
    name: 'sink-influx-source',
    is: 'the three KafkaSources of sink-influx, where it is taken in',
    kafka: {
      read: ['trades', 'candles', 'signals'],
      groups: {
        'kandle-sink-influx-trades': OWN,
        'kandle-sink-influx-candles': OWN,
        'kandle-sink-influx-signals': OWN,
      },
    },
  },
  { name: 'dead-letters', is: 'the dead letter sink', kafka: { write: ['dead'] } },
  { name: 'grafana', is: "Grafana's data source", cassandra: { select: VIEWS } },
  {
    name: 'console',
    is: "the console's data page, and any browser of topics",
    kafka: {
      read: ['raw', 'trades', 'candles', 'signals', 'instruments', 'rejects', 'dead', 'redriven'],
      groups: { 'kandle-*': ['describe'], 'kandle-console-*': OWN },
    },
    cassandra: { select: VIEWS },
  },
  {
    name: 'schema',
    is: 'the schema job in Kafka: was everything read already?',
    kafka: { describe: ['raw'], groups: { 'kandle-transform': ['describe'] } },
  },
];
