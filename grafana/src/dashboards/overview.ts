import {
  PanelBuilder as CandlestickBuilder,
  VizDisplayMode,
} from '@grafana/grafana-foundation-sdk/candlestick';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { CASSANDRA, cassandraQuery } from '../cassandra/cassandra-query.ts';
import {
  CANDLES,
  CANDLES_1D,
  CHOSEN,
  selectDays,
  selectLatest,
  selectRange,
  selectRunning,
  SIGNALS,
} from '../cassandra/cql.ts';
import { assemble } from './assemble.ts';
import { columns, number, rows, sortedBy, unitOf, SIGNAL_COLUMNS } from './panels.ts';
import {
  candlesPlace,
  daysPlace,
  feedVariable,
  intervalVariables,
  shardsVariable,
  symbolsVariable,
} from './variables.ts';

const source = 'cassandra';
const SHARDS = 'IN (${shards:singlequote})';

/** Which symbols moved, and where is something said? */
export function overviewDashboard(): Dashboard {
  return assemble({
    uid: 'kandle-overview',
    title: 'Kandle: Overview',
    description:
      'All symbols of a feed: last prices, the day so far (UTC), signals, and charts of the chosen ones.',
    from: 'now-6h',
    refresh: '30s',
    variables: [
      feedVariable(),
      shardsVariable(),
      symbolsVariable(),
      ...intervalVariables(100, "'5s'"),
      candlesPlace(),
      daysPlace(),
    ],
    sections: [
      {
        title: 'All symbols of ${feed}',
        panels: [
          number(
            {
              source,
              title: 'Symbols',
              description: 'That have traded; at most 2,000 are read.',
              targets: [cassandraQuery('A', selectLatest(CHOSEN.feed, ['feed', 'time', 'price']))],
              span: 4,
              height: 4,
            },
            'count',
          ),
          number(
            {
              source,
              title: 'Turnover of the day',
              description: 'Over all symbols, since midnight UTC; price times size, whatever the currencies.',
              targets: [
                cassandraQuery(
                  'A',
                  selectRunning(
                    CANDLES_1D,
                    { feed: CHOSEN.feed, shard: SHARDS, symbol: null },
                    ['feed', 'start', 'notional'],
                    '1d',
                  ),
                ),
              ],
              span: 4,
              height: 4,
            },
            'sum',
          ),
          number(
            {
              source,
              title: 'Trades of the day',
              description: 'Over all symbols, since midnight UTC; price times size, whatever the currencies.',
              targets: [
                cassandraQuery(
                  'A',
                  selectRunning(
                    CANDLES_1D,
                    { feed: CHOSEN.feed, shard: SHARDS, symbol: null },
                    ['feed', 'start', 'trade_count'],
                    '1d',
                  ),
                ),
              ],
              span: 4,
              height: 4,
            },
            'sum',
          ),
          rows({
            source,
            title: 'The day so far',
            description:
              'Candles of the day that holds the right edge of the range, of final 5 s candles. A click opens the symbol.',
            targets: [
              cassandraQuery(
                'A',
                selectRunning(
                  CANDLES_1D,
                  { feed: CHOSEN.feed, shard: SHARDS, symbol: null },
                  [
                    'feed',
                    'symbol',
                    'close',
                    '(close - open) / open * 100 AS change',
                    'open',
                    'high',
                    'low',
                    'vwap',
                    'volume',
                    'trade_count',
                    'complete',
                  ],
                  '1d',
                ),
              ),
            ],
            span: 16,
            height: 14,
          })
            .withTransformation(
              columns(
                {
                  symbol: 'symbol',
                  close: 'close',
                  change: 'change',
                  open: 'open',
                  high: 'high',
                  low: 'low',
                  vwap: 'average',
                  volume: 'volume',
                  trade_count: 'trades',
                  complete: 'complete',
                },
                ['feed'],
              ),
            )
            .withTransformation(sortedBy('symbol', false))
            .overrideByName('change', [
              ...unitOf('percent', 2),
              { id: 'custom.cellOptions', value: { type: 'color-text' } },
              {
                id: 'thresholds',
                value: {
                  mode: 'absolute',
                  steps: [
                    { value: null, color: 'red' },
                    { value: 0, color: 'green' },
                  ],
                },
              },
            ])
            .overrideByName('symbol', [
              {
                id: 'links',
                value: [
                  {
                    title: 'Market',
                    url: '/d/kandle-market?var-feed=${feed}&var-symbol=${__value.raw:percentencode}&${__url_time_range}',
                  },
                ],
              },
            ]),
          rows({
            source,
            title: 'Newest trades',
            description: 'Of each symbol, whatever the range.',
            targets: [
              cassandraQuery('A', selectLatest(CHOSEN.feed, ['feed', 'symbol', 'price', 'size', 'time'])),
            ],
            span: 8,
            height: 14,
          })
            .withTransformation(
              columns({ symbol: 'symbol', price: 'price', size: 'size', time: 'time' }, ['feed']),
            )
            .withTransformation(sortedBy('time', true)),
          rows({
            source,
            title: 'Signals of the range',
            description: 'Of all symbols of the feed, the last two days at most.',
            targets: [
              cassandraQuery(
                'A',
                selectDays(
                  SIGNALS,
                  CHOSEN.feed,
                  ['feed', 'start', 'symbol', 'side', 'rule', 'strength', 'text', 'state'],
                  { days: 2 },
                ),
              ),
            ],
            span: 24,
            height: 9,
          })
            .withTransformation(
              columns(
                {
                  start: 'window',
                  symbol: 'symbol',
                  ...SIGNAL_COLUMNS,
                },
                ['feed'],
              ),
            )
            .withTransformation(sortedBy('window', true)),
        ],
      },
      {
        title: 'Charts of the chosen symbols, candles of ${candles} in ${candles_in}',
        panels: [
          // One symbol a panel: of two in one, a candlestick panel draws one, and not always the same.
          new CandlestickBuilder()
            .title('${symbols}')
            .description('At most about 100 candles.')
            .datasource(CASSANDRA)
            .targets([
              cassandraQuery(
                'A',
                selectRange(
                  CANDLES,
                  { feed: CHOSEN.feed, shard: SHARDS, symbol: "= '${symbols}'" },
                  ['symbol', 'start', 'open', 'high', 'low', 'close', 'volume'],
                  { buckets: 2 },
                ),
              ),
            ])
            .mode(VizDisplayMode.CandlesVolume)
            .repeat('symbols')
            .repeatDirection('h')
            .maxPerRow(4)
            .span(24)
            .height(7),
        ],
      },
    ],
  });
}
