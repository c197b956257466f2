import {
  CandlestickFieldMapBuilder,
  CandleStyle,
  ColorStrategy,
  PanelBuilder as CandlestickBuilder,
  VizDisplayMode,
} from '@grafana/grafana-foundation-sdk/candlestick';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  type Dashboard,
  type Panel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { cassandraQuery } from '../cassandra/cassandra-query.ts';
import {
  CANDLES,
  CHOSEN,
  GAPS,
  INDICATORS,
  NEWS,
  ORDER_BOOKS,
  selectDays,
  selectInstruments,
  selectLatest,
  selectNewest,
  selectRange,
  SIGNALS,
  TRADES,
} from '../cassandra/cql.ts';
import { assemble } from './assemble.ts';
import {
  bars,
  bounded,
  columns,
  legend,
  lineIn,
  lines,
  MERGED,
  number,
  rows,
  sortedBy,
  tooltip,
  SIGNAL_COLUMNS,
} from './panels.ts';
import {
  atLeastVariable,
  candlesPlace,
  feedVariable,
  intervalVariables,
  shardVariable,
  symbolVariable,
  tradesPlace,
} from './variables.ts';

const source = 'cassandra';
const STAT = { source, span: 4, height: 4 } as const;
const WIDE = { source, span: 24 } as const;

/**
 * Stored indicators, drawn only beside candles of 5 seconds: between longer ones they would stand too close.
 */
const UNTIL_INDICATORS_END = { until: '(timestamp)$__timeTo - ${indicators_end}' };

const candles = (...names: readonly string[]): string =>
  selectRange(CANDLES, CHOSEN, ['symbol', 'start', ...names]);

const ofSymbol = ["symbol = '${symbol}'"];

/** Marks on all charts of the dashboard; the first column is the same in every row, so that it is one frame. */
function marks(
  name: string,
  color: string,
  cql: string,
  fields: Readonly<Record<string, string>>,
): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(cassandraQuery('Anno', cql).build().datasource)
    .enable(true)
    .iconColor(color)
    .target(cassandraQuery('Anno', cql))
    .mappings(
      Object.fromEntries(
        Object.entries(fields).map(([key, value]) => [
          key,
          { build: () => ({ source: 'field' as never, value }) },
        ]),
      ),
    );
}

function signalMarks(name: string, color: string, side: string): AnnotationQueryBuilder {
  return marks(
    name,
    color,
    selectDays(SIGNALS, CHOSEN.feed, ['feed', 'start', 'rule', 'text'], {
      conditions: [...ofSymbol, `side = '${side}'`, "state = 'active'"],
    }),
    { time: 'start', title: 'rule', text: 'text' },
  );
}

/** What does this symbol do now, and what was said about it? */
export function marketDashboard(): Dashboard {
  return assemble({
    uid: 'kandle-market',
    title: 'Kandle: Market',
    description:
      'One symbol: candles with their overlays, signals, gaps and news. Candles of 5 s up to a range of 2 h 45 min, then of 1 min, 5 min, an hour, a day.',
    from: 'now-1h',
    refresh: '5s',
    variables: [
      feedVariable(),
      symbolVariable(),
      shardVariable(),
      atLeastVariable(),
      ...intervalVariables(2_000, "'${at_least}'"),
      candlesPlace(),
      tradesPlace(),
    ],
    annotations: [
      signalMarks('Buy signals', 'green', 'buy'),
      signalMarks('Sell signals', 'red', 'sell'),
      signalMarks('Other signals', 'blue', 'neutral'),
      marks(
        'Gaps of the feed',
        'orange',
        selectDays(GAPS, CHOSEN.feed, ['feed', 'from_time', 'to_time', 'reason', 'shard'], {
          conditions: ["shard = '${shard}'"],
        }),
        { time: 'from_time', timeEnd: 'to_time', title: 'reason', text: 'shard' },
      ),
      marks(
        'News',
        'purple',
        selectDays(NEWS, CHOSEN.feed, ['feed', 'time', 'source', 'headline'], { conditions: ofSymbol }),
        { time: 'time', title: 'source', text: 'headline' },
      ),
    ],
    sections: [
      {
        title: '${symbol}, candles of ${candles} in ${candles_in}',
        panels: [...figures(), candleChart(), rsiChart(), macdChart(), volumeBars(), tradeBars()],
      },
      { title: 'What was said', panels: [instrumentTable(), signalTable(), newsTable()] },
      { title: 'Tape', panels: [tape(), quoteChart()] },
    ],
  });
}

/** The range in six numbers. */
function figures(): readonly Builder<Panel>[] {
  return [
    number(
      {
        ...STAT,
        title: 'Last price',
        description: 'Of the newest trade, whatever the range.',
        targets: [cassandraQuery('A', selectLatest(CHOSEN.feed, ['symbol', 'time', 'price'], CHOSEN.symbol))],
      },
      'lastNotNull',
    ),
    number(
      {
        ...STAT,
        title: 'Change',
        description: 'From the first close of the range to its last.',
        targets: [cassandraQuery('A', candles('close'))],
        unit: 'percentunit',
      },
      'diffperc',
      [null, 'red'],
      [0, 'green'],
    ),
    number(
      {
        ...STAT,
        title: 'High',
        description: 'Of the range.',
        targets: [cassandraQuery('A', candles('high'))],
      },
      'max',
    ),
    number(
      {
        ...STAT,
        title: 'Low',
        description: 'Of the range.',
        targets: [cassandraQuery('A', candles('low'))],
      },
      'min',
    ),
    number(
      {
        ...STAT,
        title: 'Volume',
        description: 'Of the range.',
        targets: [cassandraQuery('A', candles('volume'))],
      },
      'sum',
    ),
    number(
      {
        ...STAT,
        title: 'Trades',
        description: 'Of the range.',
        targets: [cassandraQuery('A', candles('trade_count'))],
      },
      'sum',
    ),
  ];
}

function candleChart(): Builder<Panel> {
  return new CandlestickBuilder()
    .title('${symbol}')
    .description(
      'With the average price by volume; at 5 s also the stored averages and Bollinger bands. A window without a trade has no candle.',
    )
    .datasource(cassandraQuery('A', '').build().datasource)
    .targets([
      cassandraQuery('A', candles('open', 'high', 'low', 'close', 'volume', 'vwap')),
      cassandraQuery(
        'B',
        selectRange(
          INDICATORS,
          CHOSEN,
          ['symbol', 'start', 'sma', 'ema', 'bollinger_upper', 'bollinger_lower'],
          UNTIL_INDICATORS_END,
        ),
      ),
    ])
    .span(24)
    .height(14)
    .mode(VizDisplayMode.CandlesVolume)
    .candleStyle(CandleStyle.Candles)
    .colorStrategy(ColorStrategy.OpenClose)
    .fields(
      new CandlestickFieldMapBuilder().open('open').high('high').low('low').close('close').volume('volume'),
    )
    .includeAllFields(true)
    .legend(legend())
    .tooltip(tooltip())
    .overrideByName('vwap', lineIn('orange'))
    .overrideByName('sma', lineIn('blue'))
    .overrideByName('ema', lineIn('purple'))
    .overrideByName('bollinger_upper', lineIn('gray'))
    .overrideByName('bollinger_lower', lineIn('gray'));
}

function rsiChart(): Builder<Panel> {
  return bounded(
    {
      ...WIDE,
      title: 'RSI of 5 s candles, the last three hours of the range',
      description: 'Relative strength: above 70 overbought, below 30 oversold.',
      targets: [cassandraQuery('A', selectRange(INDICATORS, CHOSEN, ['symbol', 'start', 'rsi']))],
      span: 12,
      height: 7,
    },
    [null, 'green'],
    [30, 'text'],
    [70, 'red'],
  )
    .min(0)
    .max(100)
    .overrideByName('rsi', lineIn('purple'));
}

function macdChart(): Builder<Panel> {
  return lines({
    ...WIDE,
    title: 'MACD of 5 s candles, the last three hours of the range',
    description: 'The line, its signal line, and how far they are apart.',
    targets: [
      cassandraQuery(
        'A',
        selectRange(INDICATORS, CHOSEN, ['symbol', 'start', 'macd', 'macd_signal', 'macd_histogram']),
      ),
    ],
    span: 12,
    height: 7,
  })
    .overrideByName('macd', lineIn('blue'))
    .overrideByName('macd_signal', lineIn('orange'))
    .overrideByName('macd_histogram', [
      ...lineIn('gray'),
      { id: 'custom.drawStyle', value: 'bars' },
      { id: 'custom.fillOpacity', value: 60 },
    ]);
}

function volumeBars(): Builder<Panel> {
  return bars({
    ...WIDE,
    title: 'Volume',
    description: 'Per candle.',
    targets: [cassandraQuery('A', candles('volume'))],
    span: 12,
    height: 6,
  }).overrideByName('volume', [...lineIn('blue'), { id: 'custom.fillOpacity', value: 60 }]);
}

function tradeBars(): Builder<Panel> {
  return bars({
    ...WIDE,
    title: 'Trades',
    description: 'Per candle.',
    targets: [cassandraQuery('A', candles('trade_count'))],
    span: 12,
    height: 6,
  }).overrideByName('trade_count', [...lineIn('green'), { id: 'custom.fillOpacity', value: 60 }]);
}

function instrumentTable(): Builder<Panel> {
  return rows({
    source,
    title: 'What ${symbol} is',
    description:
      "By the vendor's lists (npm run instruments); a symbol that another company uses again has a row for each.",
    targets: [
      cassandraQuery(
        'A',
        selectInstruments(CHOSEN.feed, "= '${symbol}'", [
          'feed',
          'valid_from',
          'description',
          'market',
          'currency',
          'type',
          'status',
          'id',
        ]),
      ),
    ],
    span: 24,
    height: 5,
  })
    .withTransformation(
      columns(
        {
          description: 'what',
          market: 'market',
          currency: 'currency',
          type: 'type',
          status: 'status',
          valid_from: 'since',
          id: 'id',
        },
        ['feed'],
      ),
    )
    .withTransformation(sortedBy('since', true));
}

function signalTable(): Builder<Panel> {
  return rows({
    source,
    title: 'Signals of ${symbol}',
    description: 'What the rules found in the range; retracted where a late trade took it back.',
    targets: [
      cassandraQuery(
        'A',
        selectDays(SIGNALS, CHOSEN.feed, ['feed', 'start', 'rule', 'side', 'strength', 'text', 'state'], {
          conditions: ofSymbol,
        }),
      ),
    ],
    span: 12,
    height: 9,
  })
    .withTransformation(
      columns(
        {
          start: 'window',
          ...SIGNAL_COLUMNS,
        },
        ['feed'],
      ),
    )
    .withTransformation(sortedBy('window', true));
}

function newsTable(): Builder<Panel> {
  return rows({
    source,
    title: 'News of ${symbol}',
    description: 'Sentiment from -1 to 1; where the feed does not rate, rated is false.',
    targets: [
      cassandraQuery(
        'A',
        selectDays(NEWS, CHOSEN.feed, ['feed', 'time', 'headline', 'source', 'sentiment', 'rated', 'url'], {
          conditions: ofSymbol,
        }),
      ),
    ],
    span: 12,
    height: 9,
  })
    .withTransformation(
      columns(
        {
          time: 'time',
          headline: 'headline',
          source: 'source',
          sentiment: 'sentiment',
          rated: 'rated',
          url: 'address',
        },
        ['feed'],
      ),
    )
    .withTransformation(sortedBy('time', true));
}

function tape(): Builder<Panel> {
  return rows({
    source,
    title: 'Trades of ${symbol}, the last half minute of the range',
    description: 'The newest 200 of each of the last two buckets of 30 s.',
    targets: [0, 1].map((before) =>
      cassandraQuery(
        before === 0 ? 'A' : 'B',
        selectNewest(TRADES, CHOSEN, ['symbol', 'time', 'price', 'size', 'id'], {
          before,
          limit: 200,
        }),
      ),
    ),
    span: 12,
    height: 10,
  })
    .withTransformation(MERGED)
    .withTransformation(columns({ time: 'time', price: 'price', size: 'size' }, ['symbol', 'id']))
    .withTransformation(sortedBy('time', true));
}

function quoteChart(): Builder<Panel> {
  return lines({
    source,
    title: 'Best bid and ask of ${symbol}, the last minutes of the range',
    description: 'Where the feed has order books.',
    targets: [cassandraQuery('A', selectRange(ORDER_BOOKS, CHOSEN, ['symbol', 'time', 'bid', 'ask', 'mid']))],
    span: 12,
    height: 10,
  })
    .overrideByName('bid', lineIn('green'))
    .overrideByName('ask', lineIn('red'))
    .overrideByName('mid', lineIn('gray'));
}
