import { setTimeout as sleep } from 'node:timers/promises';
import { type Instance, type InstanceSpec, type ProcessHooks, startInstance } from './serving/instance.ts';

/** A process that runs all the time, and is started again when it ends by itself. */
export interface LongRunning {
  /** Rejects if it ends before its probe succeeds once: the message names its log. */
  readonly alive: Promise<void>;
  pid(): number;
  /** Where it listens now, `http://127.0.0.1:8080/`. */
  url(): string;
  /** Ends it at once, as a crash would; it is then started again. */
  kill(): void;
  stop(): Promise<void>;
}

const RESTART_MS = 500;

/** Starts a process that runs until it is stopped. @param spec Asked at every start. */
export async function startLongRunning(
  spec: () => Promise<InstanceSpec>,
  hooks: ProcessHooks,
): Promise<LongRunning> {
  let stopping = false;
  let instance: Instance = await start();

  async function start(): Promise<Instance> {
    const started = startInstance(await spec(), hooks);
    started.ready.catch(() => undefined);
    void started.exited.then(async () => {
      // Only when the old one is gone: a shard has one writer.
      await sleep(RESTART_MS);
      if (!stopping) instance = await start();
      // It may have been stopped while it started: then nobody else knows of the new one.
      if (stopping) await instance.stop();
    });
    return started;
  }

  return {
    alive: instance.ready.then(() => undefined),
    pid: () => instance.pid,
    url: () => instance.url,
    kill: () => instance.kill(),
    async stop() {
      stopping = true;
      await instance.stop();
    },
  };
}
