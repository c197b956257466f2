import { CASSANDRA } from '../cassandra/cassandra-query.ts';
import { PROMETHEUS } from '../dashboards/prometheus-query.ts';

/** Where Grafana computes what is not asked of a database. */
const EXPRESSIONS = { type: '__expr__', uid: '__expr__' } as const;

/** One step of a rule, as provisioning files have it. */
export interface RuleQuery {
  readonly refId: string;
  readonly datasourceUid: string;
  /** Seconds before now. */
  readonly relativeTimeRange: { readonly from: number; readonly to: number };
  readonly model: Readonly<Record<string, unknown>>;
}

/** A rule that Grafana itself evaluates, as provisioning files have it. */
export interface ProvisionedRule {
  readonly uid: string;
  readonly title: string;
  readonly condition: string;
  readonly data: readonly RuleQuery[];
  readonly noDataState: 'OK';
  readonly execErrState: 'Error' | 'KeepLast';
  readonly for: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly isPaused: false;
}

const NOW = { from: 0, to: 0 };

/** Asks Cassandra: one numeric and one time column, and texts, which become labels. */
export function askCassandra(refId: string, target: string, lastSeconds: number): RuleQuery {
  return {
    refId,
    datasourceUid: CASSANDRA.uid,
    relativeTimeRange: { from: lastSeconds, to: 0 },
    model: { refId, datasource: CASSANDRA, queryType: 'alert', rawQuery: true, target },
  };
}

/** Asks Prometheus for what is true now. */
export function askPrometheus(refId: string, expr: string): RuleQuery {
  return {
    refId,
    datasourceUid: PROMETHEUS.uid,
    relativeTimeRange: { from: 600, to: 0 },
    model: { refId, datasource: PROMETHEUS, expr, instant: true, range: false, editorMode: 'code' },
  };
}

/** One number of each series. What is no number is dropped: it would hide the others. */
export function reduce(refId: string, of: string, reducer: 'last' | 'max' | 'min'): RuleQuery {
  return expression(refId, { type: 'reduce', expression: of, reducer, settings: { mode: 'dropNN' } });
}

/** A formula over other steps, `$A * 100`. */
export function math(refId: string, formula: string): RuleQuery {
  return expression(refId, { type: 'math', expression: formula });
}

/** True where the number is below the first or above the second. */
export function outside(refId: string, of: string, bounds: readonly [number, number]): RuleQuery {
  return expression(refId, {
    type: 'threshold',
    expression: of,
    conditions: [{ evaluator: { type: 'outside_range', params: bounds } }],
  });
}

function expression(refId: string, model: Readonly<Record<string, unknown>>): RuleQuery {
  return {
    refId,
    datasourceUid: EXPRESSIONS.uid,
    relativeTimeRange: NOW,
    model: { refId, datasource: EXPRESSIONS, ...model },
  };
}
