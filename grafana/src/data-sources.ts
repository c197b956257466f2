import { CASSANDRA } from './cassandra/cassandra-query.ts';
import { KEYSPACE } from './cassandra/cql.ts';
import { PROMETHEUS } from './dashboards/prometheus-query.ts';

/** Both data sources; addresses and the password come from the environment of Grafana. */
export function dataSources() {
  return {
    apiVersion: 1,
    datasources: [
      {
        name: 'Kandle Cassandra',
        ...CASSANDRA,
        access: 'proxy',
        // `host:port`, more than one with a semicolon between.
        url: '${KANDLE_CASSANDRA}',
        jsonData: { keyspace: KEYSPACE, consistency: 'LOCAL_QUORUM', user: '${KANDLE_CASSANDRA_USER}' },
        secureJsonData: { password: '${KANDLE_CASSANDRA_PASSWORD}' },
        editable: false,
      },
      {
        name: 'Kandle Prometheus',
        ...PROMETHEUS,
        access: 'proxy',
        url: '${KANDLE_PROMETHEUS}',
        jsonData: { httpMethod: 'POST', timeInterval: '15s' },
        editable: false,
      },
    ],
  };
}

/** Tells Grafana to show the dashboards of a folder. */
export function dashboardProviders() {
  return {
    apiVersion: 1,
    providers: [
      {
        name: 'kandle',
        folder: 'Kandle',
        type: 'file',
        allowUiUpdates: false,
        options: { path: '${KANDLE_DASHBOARDS}' },
      },
    ],
  };
}
