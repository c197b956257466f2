import { startKafka } from '../src/kafka/kafka-server.ts';
import { choosePorts } from '../src/ports/ports.ts';
import { claimFolder } from '../src/process/run-record.ts';

/**
 * Owns a broker until it is killed: `kafka-owner.ts <jars of Kafka> <data folder>`; prints one JSON line when
 * ready.
 */
const [libDir = '', dataDir = ''] = process.argv.slice(2);
const onProgress = (): void => undefined;
const claim = await claimFolder(dataDir, onProgress);
const ports = await choosePorts({}, { random: true });
const kafka = await startKafka({
  libDir,
  dataDir,
  ports,
  heapMb: 256,
  onProgress,
  signal: new AbortController().signal,
  claim,
});
console.log(JSON.stringify({ pid: kafka.pid, port: ports.kafka }));
