import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';

/** How Grafana knows the data source that `provisioning/datasources` makes. */
export const CASSANDRA = { type: 'hadesarchitect-cassandra-datasource', uid: 'cassandra' } as const;

/** A target of the HadesArchitect plugin, of the kind that takes CQL as it is. */
export interface CassandraQuery extends Dataquery {
  readonly refId: string;
  readonly datasource: typeof CASSANDRA;
  /** Without it the plugin answers 400; alerts need the second. */
  readonly queryType: 'query' | 'alert';
  readonly rawQuery: true;
  readonly target: string;
  /** Renames every numeric column, so it is for targets with one. */
  readonly alias?: string;
}

/** Asks Cassandra by CQL. @param alias Such as `{{ symbol }}`. */
export function cassandraQuery(
  refId: string,
  target: string,
  { queryType = 'query', alias }: { queryType?: CassandraQuery['queryType']; alias?: string } = {},
): Builder<CassandraQuery> {
  return {
    build: () => ({
      refId,
      datasource: CASSANDRA,
      queryType,
      rawQuery: true,
      target,
      ...(alias === undefined ? {} : { alias }),
      _implementsDataqueryVariant: () => undefined,
    }),
  };
}
