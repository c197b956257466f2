import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { cassandraQuery } from '../cassandra/cassandra-query.ts';
import {
  CHOSEN,
  GAPS,
  REVISIONS,
  selectAudits,
  selectDays,
  selectPlaces,
  selectRange,
} from '../cassandra/cql.ts';
import { assemble } from './assemble.ts';
import { bars, columns, lines, number, rows, sortedBy } from './panels.ts';
import { prometheusInstant, prometheusQuery } from './prometheus-query.ts';
import { feedVariable, revisionsPlace, shardVariable, symbolVariable } from './variables.ts';

const STAT = { source: 'prometheus', span: 4, height: 4 } as const;
const THIRD = { source: 'prometheus', span: 8, height: 8 } as const;

/** Are the numbers right, and what made them change? */
export function correctnessDashboard(): Dashboard {
  return assemble({
    uid: 'kandle-correctness',
    title: 'Kandle: Correctness',
    description: 'What the audit found, and what was revised, late, repeated, missing or refused.',
    from: 'now-24h',
    refresh: '1m',
    variables: [feedVariable(), symbolVariable(), shardVariable(), revisionsPlace()],
    sections: [
      {
        title: 'Audit',
        panels: [
          number(
            {
              ...STAT,
              title: 'Differences',
              description: 'What the newest audit found missing, extra or different.',
              targets: [prometheusInstant('A', 'kandle_audit_differences', '{{scope}}')],
            },
            'lastNotNull',
            [null, 'green'],
            [1, 'red'],
          ),
          number(
            {
              ...STAT,
              title: 'Newest audit',
              description: 'How long ago it ended. It runs once a day.',
              targets: [
                prometheusInstant('A', 'time() - kandle_audit_finished_timestamp_seconds', '{{scope}}'),
              ],
              unit: 's',
            },
            'lastNotNull',
            [null, 'green'],
            [93_600, 'red'],
          ),
          number(
            {
              ...STAT,
              title: 'Windows compared',
              description: 'By the newest audit.',
              targets: [prometheusInstant('A', 'kandle_audit_windows_checked', '{{scope}}')],
            },
            'lastNotNull',
          ),
          number(
            {
              ...STAT,
              title: 'Windows left out',
              description: 'Open still, or cut by retention.',
              targets: [prometheusInstant('A', 'kandle_audit_windows_skipped', '{{scope}}')],
            },
            'lastNotNull',
          ),
          number(
            {
              ...STAT,
              title: 'Missed through dead letters',
              description: 'Dead letters that nobody sent again, and whose trades are missing.',
              targets: [prometheusInstant('A', 'kandle_audit_dead_letters_missed', '{{scope}}')],
            },
            'lastNotNull',
            [null, 'green'],
            [1, 'red'],
          ),
          number(
            {
              ...STAT,
              title: 'Gaps today',
              description: 'Interruptions of the feed that began on this day (UTC), counted per shard.',
              targets: [
                prometheusInstant(
                  'A',
                  'sum by (feed) (kandle_feed_gaps_today{reason!="started"})',
                  '{{feed}}',
                ),
              ],
            },
            'lastNotNull',
            [null, 'green'],
            [1, 'yellow'],
          ),
          rows({
            source: 'cassandra',
            title: 'Audits of the range',
            description: 'One row per run over all feeds.',
            targets: [
              cassandraQuery(
                'A',
                selectAudits([
                  'scope',
                  'finished_at',
                  'verdict',
                  'differences',
                  'trades_checked',
                  'windows_checked',
                  'candles_checked',
                  'skipped',
                  'dead_letters',
                  'dead_letters_missed',
                ]),
              ),
            ],
            span: 24,
            height: 7,
          })
            .withTransformation(
              columns(
                {
                  finished_at: 'ended',
                  verdict: 'verdict',
                  differences: 'differences',
                  trades_checked: 'trades',
                  windows_checked: 'windows',
                  candles_checked: 'candles',
                  skipped: 'left out',
                  dead_letters: 'dead letters',
                  dead_letters_missed: 'of them missed',
                },
                ['scope'],
              ),
            )
            .withTransformation(sortedBy('ended', true)),
        ],
      },
      {
        title: 'Changed afterwards',
        panels: [
          bars({
            ...THIRD,
            title: 'Revised candles',
            description: 'Published again because something came after their window was closed.',
            targets: [
              prometheusQuery(
                'A',
                'sum(increase(aggregate_revised_candles_total[$__rate_interval]))',
                'candles',
              ),
              prometheusQuery(
                'B',
                'sum(increase(signal_recomputed_windows_total[$__rate_interval]))',
                'later windows of indicators',
              ),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Late trades',
            description: 'Into a final window; and older than the watermark of their own batch.',
            targets: [
              prometheusQuery(
                'A',
                'sum(increase(aggregate_late_trades_total[$__rate_interval]))',
                'into a final window',
              ),
              prometheusQuery(
                'B',
                'sum(increase(transform_late_trades_total[$__rate_interval]))',
                'behind the watermark',
              ),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Signals taken back',
            description: 'Signals that a revision retracted, by rule.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (rule) (increase(signal_signals_total{state="retracted"}[$__rate_interval]))',
                '{{rule}}',
              ),
            ],
          }),
          rows({
            source: 'cassandra',
            title: 'Versions of the candles of ${symbol}, the last three hours of the range',
            description: 'Every version that a final candle has had. Revision 0 is the first.',
            targets: [
              cassandraQuery(
                'A',
                selectRange(REVISIONS, CHOSEN, [
                  'symbol',
                  'start',
                  'revision',
                  'state',
                  'reason',
                  'complete',
                  'open',
                  'high',
                  'low',
                  'close',
                  'volume',
                  'trade_count',
                  'version',
                ]),
              ),
            ],
            span: 24,
            height: 9,
          })
            .withTransformation(
              columns(
                {
                  start: 'window',
                  revision: 'revision',
                  state: 'state',
                  reason: 'reason',
                  complete: 'complete',
                  open: 'open',
                  high: 'high',
                  low: 'low',
                  close: 'close',
                  volume: 'volume',
                  trade_count: 'trades',
                  version: 'version',
                },
                ['symbol'],
              ),
            )
            .withTransformation(sortedBy('window', true)),
        ],
      },
      {
        title: 'Read elsewhere',
        panels: [
          rows({
            source: 'cassandra',
            title: 'Stretches that are read in a shadow, of each view',
            description:
              'Promoted by npm run shadow. A dashboard reads there if all of its range lies in the stretch.',
            targets: [cassandraQuery('A', selectPlaces(['name', 'table_name', 'since', 'until', 'read_in']))],
            span: 24,
            height: 6,
          }).withTransformation(
            columns({ table_name: 'view', since: 'from', until: 'to', read_in: 'read in' }, ['name']),
          ),
        ],
      },
      {
        title: 'Repeated',
        panels: [
          bars({
            ...THIRD,
            title: 'Trades delivered again',
            description: 'Recognised by ingest and dropped: after a reconnect the feed repeats itself.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (feed) (increase(ingest_duplicates_total[$__rate_interval]))',
                '{{feed}}',
              ),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Batches delivered again',
            description: 'A window held them already. Normal after a restart: Kafka delivers at least once.',
            targets: [
              prometheusQuery(
                'A',
                'sum(increase(aggregate_duplicate_batches_total[$__rate_interval]))',
                'batches',
              ),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Conditional writes tried again',
            description: 'Lost to another process, or of unknown outcome. Looked up, never guessed.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (outcome) (increase(aggregate_cas_retries_total[$__rate_interval]))',
                'windows, {{outcome}}',
              ),
              prometheusQuery(
                'B',
                'sum by (outcome) (increase(signal_cas_retries_total[$__rate_interval]))',
                'indicators, {{outcome}}',
              ),
            ],
          }),
        ],
      },
      {
        title: 'Missing and refused',
        panels: [
          lines({
            ...THIRD,
            title: 'Gaps since midnight UTC',
            description: 'Interruptions of the feed, counted per shard, by reason. Falls to 0 at midnight.',
            targets: [
              prometheusQuery('A', 'sum by (feed, reason) (kandle_feed_gaps_today)', '{{feed}} {{reason}}'),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Windows that a gap touches',
            description: 'Their candles are marked: complete = false.',
            targets: [
              prometheusQuery(
                'A',
                'sum(increase(aggregate_incomplete_windows_total[$__rate_interval]))',
                'windows',
              ),
            ],
          }),
          bars({
            ...THIRD,
            title: 'Refused records',
            description:
              'By transform with its reason; by ingest; and those of which only the number is left.',
            targets: [
              prometheusQuery(
                'A',
                'sum by (reason) (increase(transform_rejects_total[$__rate_interval]))',
                '{{reason}}',
              ),
              prometheusQuery('B', 'sum(increase(ingest_rejects_total[$__rate_interval]))', 'ingest'),
              prometheusQuery('C', 'sum(increase(ingest_rejects_lost_total[$__rate_interval]))', 'not kept'),
              prometheusQuery(
                'D',
                'sum(increase(ingest_dropped_records_total[$__rate_interval]))',
                'dropped',
              ),
            ],
          }),
          rows({
            source: 'cassandra',
            title: 'Gaps of ${feed} that began in the range',
            description: 'Stretches of event time in which trades may be missing; the last 32 days at most.',
            targets: [
              cassandraQuery(
                'A',
                selectDays(GAPS, CHOSEN.feed, [
                  'feed',
                  'from_time',
                  'to_time',
                  'shard',
                  'reason',
                  'dropped_records',
                ]),
              ),
            ],
            span: 24,
            height: 8,
          })
            .withTransformation(
              columns(
                {
                  from_time: 'from',
                  to_time: 'to',
                  shard: 'shard',
                  reason: 'reason',
                  dropped_records: 'dropped records',
                },
                ['feed'],
              ),
            )
            .withTransformation(sortedBy('from', true)),
        ],
      },
    ],
  });
}
