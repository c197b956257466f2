import { readFileSync } from 'node:fs';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import type { BenchServers } from './servers.ts';

/** What the processes of one role use: several at once where a function is scaled up, none where it sleeps. */
export interface RoleUsage {
  /** CPU-seconds of all processes that the role has had, ended ones as they were last seen. */
  readonly cpuSeconds: number;
  /** Resident memory of those alive, MiB; the largest one's, and of all together. */
  readonly largestMb: number;
  readonly totalMb: number;
  /**
   * Of that what no file holds too: pages of files, such as Cassandra's tables, come and go with the system's
   * cache.
   */
  readonly anonymousMb: number;
  readonly processes: number;
}

const TICKS_PER_SECOND = 100;

/** Looks up the processes of each role that are alive at the moment, this one as `runner`. */
export function rolesOf(
  { ingest, services }: Pipeline,
  { kafka, cassandra }: BenchServers['pids'],
): () => ReadonlyMap<string, readonly number[]> {
  return () =>
    new Map([
      ...(ingest === null ? [] : [['ingest', [ingest.pid()]] as const]),
      ...[...services].map(([name, service]) => [name, service.stats().pids] as const),
      ['runner', [process.pid]],
      ['kafka', [kafka]],
      ['cassandra', [cassandra]],
    ]);
}

/** Adds up what processes use, by role; Linux only. */
export function createUsage() {
  const cpuByPid = new Map<number, { readonly role: string; readonly seconds: number }>();
  return {
    /** Looks at the processes that are alive now. One that has just ended counts as not there. */
    sample(alive: ReadonlyMap<string, readonly number[]>): ReadonlyMap<string, RoleUsage> {
      const usage = new Map<string, RoleUsage>();
      for (const [role, pids] of alive) {
        const memory: number[] = [];
        let anonymousMb = 0;
        for (const pid of pids) {
          const seen = readProcess(pid);
          if (seen === null) continue;
          cpuByPid.set(pid, { role, seconds: seen.cpuSeconds });
          memory.push(seen.residentMb);
          anonymousMb += seen.anonymousMb;
        }
        const cpuSeconds = [...cpuByPid.values()]
          .filter((one) => one.role === role)
          .reduce((sum, { seconds }) => sum + seconds, 0);
        const totalMb = memory.reduce((sum, mb) => sum + mb, 0);
        usage.set(role, {
          cpuSeconds,
          largestMb: Math.max(0, ...memory),
          totalMb,
          anonymousMb,
          processes: memory.length,
        });
      }
      return usage;
    },
  };
}

interface Seen {
  readonly cpuSeconds: number;
  readonly residentMb: number;
  readonly anonymousMb: number;
}

function readProcess(pid: number): Seen | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const megabytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) / 1_024;
    // A process that is ending has no memory any more.
    if (Number.isNaN(megabytes('VmRSS'))) return null;
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      residentMb: megabytes('VmRSS'),
      anonymousMb: megabytes('RssAnon'),
    };
  } catch {
    return null;
  }
}
