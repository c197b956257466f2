import { readFileSync } from 'node:fs';

/** The largest resident memory that the processes of each name have had. */
export interface MemoryWatch {
  add(name: string, pid: number): void;
  remove(pid: number): void;
  /** Megabytes by name. */
  peaks(): Readonly<Record<string, number>>;
  stop(): void;
}

const EVERY_MS = 500;

/** Begins to look at processes; on Linux, elsewhere nothing is seen. */
export function watchMemory(): MemoryWatch {
  const names = new Map<number, string>();
  const peaks = new Map<string, number>();
  const timer = setInterval(() => {
    for (const [pid, name] of names) {
      const megabytes = residentMb(pid);
      if (megabytes !== null) peaks.set(name, Math.max(peaks.get(name) ?? 0, megabytes));
    }
  }, EVERY_MS);
  return {
    add: (name, pid) => void names.set(pid, name),
    remove: (pid) => void names.delete(pid),
    peaks: () => Object.fromEntries([...peaks].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    stop: () => clearInterval(timer),
  };
}

function residentMb(pid: number): number | null {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1_024);
  } catch {
    return null;
  }
}
