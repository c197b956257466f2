import { CANDLES_5M, selectDays, selectLatest, selectRange, SIGNALS } from '../cassandra/cql.ts';
import { askCassandra, math, outside, type ProvisionedRule, reduce } from './rule.ts';

/** A feed whose market is watched, and how many shards it has: alerts know no variables. */
export interface WatchedFeed {
  readonly feed: string;
  readonly shards: number;
}

/** How old a signal's window may be: quotes that are delayed usually are by 15 minutes. */
const SIGNAL_SECONDS = 20 * 60;
/** The running five minutes and those before them. */
const MOVE_SECONDS = 10 * 60;
/** How far a price must go within five minutes, in percent of where it began. */
const MOVE_PERCENT = 3;

/**
 * What people want to be told about a market. No row, no alert: not on an empty table, and not at night, for
 * what is asked for begins minutes ago. Nor on a NULL, which arrives as 0: a version begins at 1, and 0 percent
 * is no move.
 */
export function marketRules(feeds: readonly WatchedFeed[]): readonly ProvisionedRule[] {
  return feeds.flatMap((watched) => [signalRule(watched), moveRule(watched)]);
}

/**
 * The text stands first: the plugin makes one series of each value of the first column, and takes the labels of
 * its first row, so that two signals of a symbol are two alerts.
 */
function signalRule({ feed }: WatchedFeed): ProvisionedRule {
  const signals = selectDays(SIGNALS, `= '${feed}'`, ['text', 'symbol', 'rule', 'side', 'start', 'version'], {
    conditions: ["state = 'active'"],
    days: 2,
  });
  return {
    uid: `kandle-signal-${feed}`,
    title: `Signal of ${feed}`,
    condition: 'found',
    data: [
      askCassandra('signals', signals, SIGNAL_SECONDS),
      reduce('version', 'signals', 'last'),
      outside('found', 'version', [0, 0]),
      // Not every rule's sentence has the price. Grafana gives a signal the number of its symbol's series.
      askCassandra('trades', selectLatest(`= '${feed}'`, ['symbol', 'time', 'price']), SIGNAL_SECONDS),
      reduce('price', 'trades', 'last'),
    ],
    ...STATES,
    annotations: {
      // No dollar: provisioning would look for a variable of the environment.
      summary:
        '{{ .Labels.text }} Symbol {{ .Labels.symbol }}, rule {{ .Labels.rule }}, side {{ .Labels.side }}.{{ with .Values.price.Value }} Newest price {{ . }}.{{ end }}',
    },
    labels: { about: 'market', severity: 'info', feed },
  };
}

function moveRule({ feed, shards }: WatchedFeed): ProvisionedRule {
  const names = Array.from({ length: shards }, (_, n) => `'${feed}-${String(n).padStart(2, '0')}'`);
  const moves = selectRange(
    CANDLES_5M,
    { feed: `= '${feed}'`, shard: `IN (${names.join(', ')})`, symbol: null },
    ['symbol', 'start', '(close - open) / open * 100 AS move'],
    { buckets: 2 },
  );
  return {
    uid: `kandle-price-move-${feed}`,
    title: `Price move of ${feed}`,
    condition: 'far',
    data: [
      askCassandra('moves', moves, MOVE_SECONDS),
      reduce('up', 'moves', 'max'),
      reduce('down', 'moves', 'min'),
      // The larger of the two, with its sign. Rows of two buckets come in no order that a last one could be of.
      math('move', '$up * (abs($up) >= abs($down)) + $down * (abs($up) < abs($down))'),
      outside('far', 'move', [-MOVE_PERCENT, MOVE_PERCENT]),
    ],
    ...STATES,
    annotations: {
      summary:
        '{{ .Labels.symbol }} moved by {{ printf "%.2f" .Values.move.Value }} percent within five minutes.',
    },
    labels: { about: 'market', severity: 'info', feed },
  };
}

/** Told at once; where Cassandra does not answer, another rule says so. */
const STATES = { noDataState: 'OK', execErrState: 'KeepLast', for: '0s', isPaused: false } as const;
