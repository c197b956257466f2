import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { assemble } from './assemble.ts';
import { bars, bounded, lines, number, rows } from './panels.ts';
import { prometheusInstant, prometheusQuery } from './prometheus-query.ts';

const source = 'prometheus';
const STAT = { source, span: 3, height: 4 } as const;
const HALF = { source, span: 12, height: 8 } as const;
const THIRD = { source, span: 8, height: 8 } as const;

/** Is it alive, is it behind, what does it refuse, and what runs? */
export function pipelineDashboard(): Dashboard {
  return assemble({
    uid: 'kandle-pipeline',
    title: 'Kandle: Pipeline',
    description: 'Whether trades come through, how far behind anything is, and what was refused or given up.',
    from: 'now-1h',
    refresh: '30s',
    sections: [
      {
        title: 'Now',
        panels: [
          number(
            {
              ...STAT,
              title: 'Newest trade',
              description: 'Age of the newest trade by its event time. Grows while a market is closed.',
              targets: [prometheusInstant('A', 'kandle:newest_trade_age_seconds', '{{feed}}')],
              unit: 's',
            },
            'lastNotNull',
            [null, 'green'],
            [300, 'yellow'],
            [900, 'red'],
          ),
          number(
            {
              ...STAT,
              title: 'Feed',
              description: '1 while ingest is connected to the feed.',
              targets: [prometheusInstant('A', 'max by (feed) (ingest_connected)', '{{feed}}')],
            },
            'lastNotNull',
            [null, 'red'],
            [1, 'green'],
          ),
          number(
            {
              ...STAT,
              title: 'Most behind',
              description: 'Events that the slowest event source has not committed; they commit every 5 s.',
              targets: [
                prometheusInstant('A', 'max(kandle_consumer_lag_events{group!="kandle-archive"})', 'events'),
              ],
            },
            'lastNotNull',
            [null, 'green'],
            [2_500, 'red'],
          ),
          number(
            {
              ...STAT,
              title: 'Open windows',
              description: 'Windows not known to be final. 0 when all that was traded is final.',
              targets: [prometheusInstant('A', 'kandle_open_windows', '{{feed}}')],
            },
            'lastNotNull',
          ),
          number(
            {
              ...STAT,
              title: 'Given up',
              description: 'Dead letters that came within the range.',
              targets: [
                prometheusInstant(
                  'A',
                  'sum(increase(kandle_topic_events_total{topic="market.dead.v1"}[$__range]))',
                  'events',
                ),
              ],
            },
            'lastNotNull',
            [null, 'green'],
            [1, 'red'],
          ),
          number(
            {
              ...STAT,
              title: 'Batches with refusals',
              description: 'Share of the batches of the range of which a record was refused.',
              targets: [prometheusInstant('A', 'kandle:refused_batches:ratio_1h', 'of 1 h')],
              unit: 'percentunit',
            },
            'lastNotNull',
            [null, 'green'],
            [0.01, 'red'],
          ),
          number(
            {
              ...STAT,
              title: 'Servers',
              description: '1 if Kafka and Cassandra answered the exporter the last time.',
              targets: [prometheusInstant('A', 'kandle_up', '{{part}}')],
            },
            'lastNotNull',
            [null, 'red'],
            [1, 'green'],
          ),
          number(
            {
              ...STAT,
              title: 'Dropped',
              description: 'Records that ingest gave up in the range because its buffer was full.',
              targets: [
                prometheusInstant(
                  'A',
                  'sum by (feed) (increase(ingest_dropped_records_total[$__range]))',
                  '{{feed}}',
                ),
              ],
            },
            'lastNotNull',
            [null, 'green'],
            [1, 'red'],
          ),
        ],
      },
      {
        title: 'Lag and freshness',
        panels: [
          bounded(
            {
              ...HALF,
              title: 'Lag',
              description:
                'Events that an event source has not committed. A busy one is always some hundreds behind.',
              targets: [prometheusQuery('A', 'kandle_consumer_lag_events', '{{group}}')],
            },
            [null, 'green'],
            [2_500, 'red'],
          ),
          lines({
            ...HALF,
            title: 'Age of the newest trade',
            description: 'By event time, of the symbols that have a series of their own, and of all others.',
            targets: [
              prometheusQuery('A', 'time() - kandle_newest_trade_timestamp_seconds', '{{feed}} {{symbol}}'),
            ],
            unit: 's',
          }),
          lines({
            ...HALF,
            title: 'Closed up to',
            description: 'How long ago, by event time, the last window of a shard ended that is final.',
            targets: [
              prometheusQuery(
                'A',
                'time() - max by (shard) (kandle_shard_closed_timestamp_seconds)',
                '{{shard}}',
              ),
            ],
            unit: 's',
          }),
          lines({
            ...HALF,
            title: 'Oldest open window',
            description: 'Nothing when all is final. A line that climbs has nobody to close it.',
            targets: [
              prometheusQuery(
                'A',
                'time() - min by (shard) (kandle_oldest_open_window_timestamp_seconds)',
                '{{shard}}',
              ),
            ],
            unit: 's',
          }),
        ],
      },
      {
        title: 'Delay',
        panels: [
          lines({
            ...THIRD,
            title: 'An event in a function, median',
            description: "From an event to its answer, by function. Needs the functions' pushed metrics.",
            targets: [prometheusQuery('A', 'kandle:function_event_seconds:p50', '{{job}}')],
            unit: 's',
          }),
          lines({
            ...THIRD,
            title: 'An event in a function, p99',
            description: "From an event to its answer, by function. Needs the functions' pushed metrics.",
            targets: [prometheusQuery('A', 'kandle:function_event_seconds:p99', '{{job}}')],
            unit: 's',
          }),
          lines({
            ...THIRD,
            title: 'From a trade to its announcement, p99',
            description: 'From the trade behind a signal to the answer of the target that was told.',
            targets: [
              prometheusQuery(
                'A',
                'histogram_quantile(0.99, sum by (le, target) (rate(notify_delay_seconds_bucket[$__rate_interval])))',
                '{{target}}',
              ),
            ],
            unit: 's',
          }),
        ],
      },
      {
        title: 'Throughput',
        panels: [
          lines({
            ...THIRD,
            title: 'Trades',
            description: 'Per second: accepted by ingest, and passed on clean by transform.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (feed) (rate(ingest_trades_total[$__rate_interval]))',
                'ingest {{feed}}',
              ),
              prometheusQuery('B', 'sum(rate(transform_trades_total[$__rate_interval]))', 'transform'),
            ],
          }),
          lines({
            ...THIRD,
            title: 'Events by topic',
            description: 'Written per second; one event holds many trades.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (topic) (rate(kandle_topic_events_total[$__rate_interval]))',
                '{{topic}}',
              ),
            ],
          }),
          lines({
            ...THIRD,
            title: 'Rows by view',
            description: 'Written by persist per second.',
            targets: [
              prometheusQuery('A', 'sum by (view) (rate(persist_rows_total[$__rate_interval]))', '{{view}}'),
            ],
          }),
          lines({
            ...THIRD,
            title: 'What waits in ingest',
            description:
              'Entries that Kafka has not acknowledged, and entries whose time nothing has confirmed.',
            targets: [
              prometheusQuery('A', 'ingest_buffered_records', 'for Kafka, {{feed}}'),
              prometheusQuery('B', 'ingest_waiting_records', 'for a witness, {{feed}}'),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Sends tried again, connections',
            description: 'Of ingest, within each interval.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (feed) (increase(ingest_send_retries_total[$__rate_interval]))',
                'sends {{feed}}',
              ),
              prometheusQuery(
                'B',
                'sum by (feed) (increase(ingest_connections_total[$__rate_interval]))',
                'connections {{feed}}',
              ),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Announcements',
            description: 'Signals told or not, by outcome.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (target, outcome) (increase(notify_notices_total[$__rate_interval]))',
                '{{target}} {{outcome}}',
              ),
            ],
          }),
        ],
      },
      {
        title: 'Refused and given up',
        panels: [
          bars({
            ...THIRD,
            title: 'Refused records by reason',
            description: 'By transform, within each interval.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (reason) (increase(transform_rejects_total[$__rate_interval]))',
                '{{reason}}',
              ),
              prometheusQuery('B', 'sum(increase(ingest_rejects_total[$__rate_interval]))', 'ingest'),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Dead letters',
            description: 'Events that an event source gave up on, within each interval.',
            targets: [
              prometheusQuery(
                'A',
                'increase(kandle_topic_events_total{topic="market.dead.v1"}[$__rate_interval])',
                '{{topic}}',
              ),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Answers that are not 204',
            description: '4xx goes to the dead letters, 503 and cut are tried again.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (job, answer) (increase(function_events_total{answer!="204"}[$__rate_interval]))',
                '{{job}} {{answer}}',
              ),
            ],
          }),
          rows({
            source,
            title: 'Events that the topics hold',
            description:
              'Dead letters, redriven or not, and events of refused records, until retention takes them.',
            targets: [
              prometheusInstant('A', 'kandle_dead_letters', '{{topic}}'),
              prometheusInstant('B', 'kandle_reject_events', '{{topic}}'),
            ],
            span: 24,
            height: 4,
          }),
        ],
      },
      {
        title: 'Processes',
        panels: [
          lines({
            ...THIRD,
            title: 'Instances',
            description:
              'Processes of a function that answered an event within five minutes; none while it sleeps.',
            targets: [prometheusQuery('A', 'kandle:function_instances:count_5m', '{{job}}')],
          }),
          bars({
            ...THIRD,
            title: 'Cold starts',
            description: 'Processes that answered their first event, within each interval.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (job) (increase(function_cold_start_seconds_count[$__rate_interval]))',
                '{{job}}',
              ),
            ],
          }),
          lines({
            ...THIRD,
            title: 'Cold start, p90 of an hour',
            description:
              'From the start of a process to its first answer, so with the wait for its first event.',
            targets: [
              prometheusQuery(
                'A',
                'histogram_quantile(0.9, sum by (le, job) (increase(function_cold_start_seconds_bucket[1h])))',
                '{{job}}',
              ),
            ],
            unit: 's',
          }),
        ],
      },
    ],
  });
}
