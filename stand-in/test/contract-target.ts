import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { post } from '../src/kafka-source/deliver.ts';
import type { SourcePlan } from '@kandle/knative/plan';
import { KNATIVE_POLL, startSource } from '../src/kafka-source/source.ts';

/** What the contract suite needs of a dispatcher: our stand-in, or the real one behind the same three verbs. */
export interface ContractTarget {
  /**
   * Starts an event source that sends to `sinkUrl`, on so many pods of the dispatcher; resolves when it has its
   * partitions.
   */
  start(plan: SourcePlan, sinkUrl: string, dispatchers?: number): Promise<RunningSource>;
  /** The same, in a process of its own, so that it can be killed. */
  startApart(plan: SourcePlan, sinkUrl: string): Promise<RunningSource>;
}

/** A source that was started. */
export interface RunningSource {
  /** In order: what is under way ends, and what is settled is committed. */
  stop(): Promise<void>;
  /** As `kill -9` does; for a source apart only. */
  kill(): Promise<void>;
}

/** The stand-in of this project, with the poll sizes that a cluster has by default. */
export function standIn(brokers: readonly string[]): ContractTarget {
  return {
    async start(plan, sinkUrl, dispatchers) {
      const stop = await runStandIn(brokers, plan, sinkUrl, dispatchers);
      return { stop, kill: () => Promise.reject(new Error('This source is no process of its own')) };
    },
    async startApart(plan, sinkUrl) {
      const script = fileURLToPath(new URL('./source-apart.ts', import.meta.url));
      const child = spawn(process.execPath, [script, JSON.stringify({ brokers, plan, sinkUrl })], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const gone = once(child, 'exit');
      const ready = once(createInterface({ input: child.stdout }), 'line');
      await Promise.race([ready, gone.then(() => Promise.reject(new Error('The source ended at once')))]);
      return {
        async stop() {
          child.stdin.end();
          await gone;
        },
        async kill() {
          child.kill('SIGKILL');
          await gone;
        },
      };
    },
  };
}

/** Runs the stand-in in this process; the answer stops it. */
export async function runStandIn(
  brokers: readonly string[],
  plan: SourcePlan,
  sinkUrl: string,
  dispatchers = 1,
): Promise<() => Promise<void>> {
  const kafka = new Kafka({ clientId: 'kandle-contract', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ retry: { retries: 2, initialRetryTime: 50 } });
  await producer.connect();
  const source = await startSource(kafka, producer, plan, {
    poll: KNATIVE_POLL,
    dispatchers,
    send: (headers, body, timeoutMs) => post(sinkUrl, headers, body, timeoutMs),
    log: () => undefined,
  });
  return async () => {
    await source.stop();
    await producer.disconnect();
  };
}
