import { setTimeout as sleep } from 'node:timers/promises';
import { type Instance, type InstanceSpec, type ProcessHooks, startInstance } from './knative/instance.ts';

/** What ingest says of itself at `/status`, as far as the launcher needs it. */
export interface IngestStatus {
  readonly connected: boolean;
  readonly records: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly dropped: number;
  readonly ended: boolean;
  /** The feed has ended and everything was acknowledged. */
  readonly drained: boolean;
}

/** The one process of ingest, started again when it ends by itself. */
export interface IngestProcess {
  readonly alive: Promise<void>;
  pid(): number;
  status(): Promise<IngestStatus | null>;
  /** Ends it at once, as a crash would; it is then started again. */
  kill(): void;
  stop(): Promise<void>;
}

const RESTART_MS = 500;

/** Starts ingest; `alive` rejects if it ends before it answers once: the message names its log. */
export async function createIngestProcess(
  spec: () => Promise<InstanceSpec>,
  hooks: ProcessHooks,
): Promise<IngestProcess> {
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
    async status() {
      try {
        const response = await fetch(new URL('/status', instance.url), {
          signal: AbortSignal.timeout(2_000),
        });
        return (await response.json()) as IngestStatus;
      } catch {
        return null;
      }
    },
    kill: () => instance.kill(),
    async stop() {
      stopping = true;
      await instance.stop();
    },
  };
}
