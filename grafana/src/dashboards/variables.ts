import {
  CustomVariableBuilder,
  QueryVariableBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { CASSANDRA } from '../cassandra/cassandra-query.ts';
import {
  type Bucketed,
  CANDLES,
  CANDLES_1D,
  REVISIONS,
  selectInterval,
  selectPlace,
  TRADES,
  VARIABLES,
} from '../cassandra/cql.ts';

/** A variable whose values Cassandra has; they arrive in any order, so they are sorted here. */
function asked(name: string, cql: string, refresh = VariableRefresh.OnDashboardLoad): QueryVariableBuilder {
  const variable = new QueryVariableBuilder(name)
    .datasource(CASSANDRA)
    .query({ query: cql, refId: name })
    .definition(cql)
    .refresh(refresh);
  // oxlint-disable-next-line unicorn/no-array-sort -- a builder's, and no array's
  return variable.sort(VariableSort.AlphabeticalAsc);
}

export const feedVariable = () => asked('feed', VARIABLES.feeds).label('Feed');

export const symbolVariable = () => asked('symbol', VARIABLES.symbols).label('Symbol');

/** The shard of the chosen symbol, which its rows are under. */
export const shardVariable = () => asked('shard', VARIABLES.shard).hide(VariableHide.HideVariable);

/** Every shard of the feed that has a symbol. */
export const shardsVariable = () =>
  asked('shards', VARIABLES.shards)
    .multi(true)
    .includeAll(true)
    .current({ text: ['All'], value: ['$__all'] })
    .hide(VariableHide.HideVariable);

export const symbolsVariable = () => asked('symbols', VARIABLES.symbols).label('Charts of').multi(true);

/** The interval that the reader wants at least; a longer range takes a coarser one by itself. */
export const atLeastVariable = () =>
  new CustomVariableBuilder('at_least')
    .label('Candles of at least')
    .values('5s,1m,5m,1h,1d')
    .current({ text: '5s', value: '5s' });

/**
 * What candles are read from, chosen anew whenever the range changes: the table, the length of its buckets, and
 * how far behind the right edge stored indicators end, which are of 5 seconds only.
 */
export function intervalVariables(most: 2_000 | 100, atLeast: string) {
  const chosen = (name: string, column: Parameters<typeof selectInterval>[0]) =>
    asked(name, selectInterval(column, most, atLeast), VariableRefresh.OnTimeRangeChanged).hide(
      VariableHide.HideVariable,
    );
  return [
    chosen('candles', 'interval'),
    chosen('bucket', 'bucket'),
    chosen('indicators_end', 'indicators_end'),
  ];
}

/** Where a view is read, chosen anew whenever the range changes: where the pipeline writes, or in a shadow. */
function placeVariable(name: string, { table }: Pick<Bucketed, 'table'>): QueryVariableBuilder {
  return asked(name, selectPlace(table), VariableRefresh.OnTimeRangeChanged).hide(VariableHide.HideVariable);
}

/** Needs the variable `candles`. */
export const candlesPlace = () => placeVariable('candles_in', CANDLES);
export const daysPlace = () => placeVariable('days_in', CANDLES_1D);
export const revisionsPlace = () => placeVariable('revisions_in', REVISIONS);
export const tradesPlace = () => placeVariable('trades_in', TRADES);
