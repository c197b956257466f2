import type { InstanceSpec, ProcessHooks } from './serving/instance.ts';
import { type LongRunning, startLongRunning } from './long-running.ts';

/** What ingest says of itself at `/status`, as far as the launcher needs it. */
export interface IngestStatus {
  readonly connected: boolean;
  readonly records: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly dropped: number;
  /** Symbols that do not come, and why: no symbol at all, or refused by the vendor. */
  readonly refused: readonly { readonly symbol: string; readonly reason: string }[];
  /** Symbols that have come with a volume of 0 only: they have no candle. */
  readonly priceOnly: readonly string[];
  /** Whole frames that came again back to back. */
  readonly repeatedFrames: number;
  readonly ended: boolean;
  /** The feed has ended and everything was acknowledged. */
  readonly drained: boolean;
}

/** The one process of ingest. */
export interface IngestProcess extends LongRunning {
  /** Null if it does not answer. */
  status(): Promise<IngestStatus | null>;
}

/** Starts ingest. */
export async function createIngestProcess(
  spec: () => Promise<InstanceSpec>,
  hooks: ProcessHooks,
): Promise<IngestProcess> {
  const running = await startLongRunning(spec, hooks);
  return {
    ...running,
    async status() {
      try {
        const response = await fetch(new URL('/status', running.url()), {
          signal: AbortSignal.timeout(2_000),
        });
        return (await response.json()) as IngestStatus;
      } catch {
        return null;
      }
    },
  };
}
