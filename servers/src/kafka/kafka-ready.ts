import { Kafka, logLevel } from 'kafkajs';

/**
 * Whether a broker answers at this port that it is a cluster of at least itself: it takes topics and records
 * then.
 */
export async function isKafkaReady(port: number): Promise<boolean> {
  const kafka = new Kafka({
    clientId: 'kandle-readiness',
    brokers: [`127.0.0.1:${port}`],
    // "Connection refused" is what one waits for here, not news.
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers, controller } = await admin.describeCluster();
    return brokers.some((broker) => broker.port === port) && controller !== null;
  } catch {
    return false;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
