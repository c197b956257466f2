import { Client } from 'cassandra-driver';

/** The name that SimpleSnitch gives to the only data centre. */
export const localDataCenter = 'datacenter1';

/** Whether a node answers CQL at this port. */
export async function isCassandraReady(port: number): Promise<boolean> {
  const client = new Client({
    contactPoints: ['127.0.0.1'],
    protocolOptions: { port },
    localDataCenter,
    socketOptions: { connectTimeout: 2_000, readTimeout: 5_000 },
  });
  try {
    await client.connect();
    await client.execute('SELECT release_version FROM system.local');
    return true;
  } catch {
    return false;
  } finally {
    await client.shutdown().catch(() => undefined);
  }
}
