import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';

/** How Grafana knows the data source that `provisioning/datasources` makes. */
export const PROMETHEUS = { type: 'prometheus', uid: 'prometheus' } as const;

/** Asks Prometheus over the range. @param legend Such as `{{topic}}`. */
export function prometheusQuery(refId: string, expr: string, legend: string): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId).datasource(PROMETHEUS).expr(expr).legendFormat(legend).range();
}

/** Asks Prometheus for what is true at the right edge. */
export function prometheusInstant(refId: string, expr: string, legend: string): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId).datasource(PROMETHEUS).expr(expr).legendFormat(legend).instant();
}
