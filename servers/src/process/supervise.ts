import type { ServerChild } from './child.ts';
import type { OnProgress } from '../on-progress.ts';

/** Beyond this many ends in a minute a server is left down: it would only end again. */
const maxEndsPerMinute = 5;

/** A server that is started again when it ends without being asked to. */
export interface SupervisedServer {
  /** Of the process that runs now; another one after a crash. */
  readonly pid: number;
  readonly logFile: string;
  /** Ends it for good. Idempotent. */
  stop(): Promise<void>;
  /** SIGKILL, and no new start: for tests whose data is thrown away. */
  kill(): Promise<void>;
}

/**
 * Starts a server and keeps it running, as an orchestrator would: an unasked end is told and it is started
 * again.
 *
 * @param start Must use the same ports and data each time.
 * @throws Whatever the first start throws; later failures are told through `onProgress`.
 */
export async function superviseServer(
  start: (signal: AbortSignal) => Promise<ServerChild>,
  { role, onProgress, signal }: { role: string; onProgress: OnProgress; signal: AbortSignal },
): Promise<SupervisedServer> {
  const ending = new AbortController();
  let child = await start(signal);
  const watched = watch();

  async function watch(): Promise<void> {
    const endsMs: number[] = [];
    while (!ending.signal.aborted) {
      const how = await child.exited;
      if (ending.signal.aborted) return;
      endsMs.push(performance.now());
      const recent = endsMs.filter((endMs) => endMs > performance.now() - 60_000).length;
      if (recent > maxEndsPerMinute)
        return onProgress(`${role} ended ${recent} times in a minute and stays down; see ${child.logFile}`);
      onProgress(
        `${role} ended unexpectedly (${how}) and is started again; the log of before is ${child.logFile}.1`,
      );
      try {
        child = await start(ending.signal);
      } catch (error) {
        if (!ending.signal.aborted)
          onProgress(`${role} stays down: ${error instanceof Error ? error.message : String(error)}`);
        return;
      }
    }
  }

  async function end(how: 'stop' | 'kill'): Promise<void> {
    ending.abort();
    await child[how]();
    await watched;
  }

  return {
    get pid() {
      return child.pid;
    },
    get logFile() {
      return child.logFile;
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
  };
}
