import type { OnProgress } from './on-progress.ts';
import type { FolderClaim } from './process/run-record.ts';

/** What both servers need to start. */
export interface ServerOptions {
  /** The verified jars, see `fetchJars`. */
  readonly libDir: string;
  /** Everything this server writes: settings, data and `server.log`. */
  readonly dataDir: string;
  /** Upper limit of the Java heap in megabytes. */
  readonly heapMb?: number | undefined;
  /** True takes all of the heap at the start, so that memory that grows afterwards is not a heap on its way. */
  readonly wholeHeap?: boolean | undefined;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
  /** The claim on the folder in which the process is recorded. */
  readonly claim?: FolderClaim | undefined;
}
