import { type SourcePlan } from '@kandle/knative/plan';
import { post } from '@kandle/stand-in/kafka-source/deliver';
import { KANDLE_POLL, startSource } from '@kandle/stand-in/kafka-source/source';
import { Kafka, logLevel } from 'kafkajs';

/** What the process is told: `dispatcher-process.ts <JSON>`. */
export interface DispatcherTask {
  readonly brokers: readonly string[];
  readonly sources: readonly SourcePlan[];
  /** Address under which each service is reached by its name. */
  readonly sinkUrl: string;
}

// All event sources in a process of their own, so that they can be killed without the functions. It ends in
// order when its standard input does; whoever kills its parent kills it too.
const task = JSON.parse(process.argv[2] ?? '') as DispatcherTask;
const kafka = new Kafka({
  clientId: 'kandle-dispatcher',
  brokers: [...task.brokers],
  logLevel: logLevel.NOTHING,
});
const producer = kafka.producer();
await producer.connect();
const sources = await Promise.all(
  task.sources.map((plan) =>
    startSource(kafka, producer, plan, {
      poll: KANDLE_POLL,
      send: (headers, body, timeoutMs) => post(`${task.sinkUrl}${plan.sink}`, headers, body, timeoutMs),
      log: (line) => process.stdout.write(`${line}\n`),
    }),
  ),
);
process.stdout.write('ready\n');
process.stdin.on('end', () => {
  void (async () => {
    await Promise.all(sources.map((source) => source.stop()));
    await producer.disconnect();
    process.exit(0);
  })();
});
process.stdin.resume();
