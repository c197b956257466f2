import { Client, errors } from 'cassandra-driver';

/** The name that SimpleSnitch gives to the only data centre. */
export const localDataCenter = 'datacenter1';

/** Whether a node answers CQL at this port, be it that it asks who we are. */
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
  } catch (error) {
    const reasons = error instanceof errors.NoHostAvailableError ? Object.values(error.innerErrors) : [error];
    return reasons.some((reason) => reason instanceof errors.AuthenticationError);
  } finally {
    await client.shutdown().catch(() => undefined);
  }
}
