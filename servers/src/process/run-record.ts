import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { endProcess, isAlive } from './end-process.ts';
import { readProcessStart } from './process-start.ts';
import type { OnProgress } from '../on-progress.ts';
import { StartError } from '@kandle/tooling/start-error';

const processSchema = z.object({ pid: z.int().positive(), startedAt: z.string() });
const recordSchema = z.object({
  owner: processSchema,
  children: z.array(processSchema.extend({ role: z.string() })),
});
type RecordFile = z.infer<typeof recordSchema>;
type RecordedChild = RecordFile['children'][number];

/** The claim of this process on a data folder, and the list of processes it must not leave behind. */
export interface FolderClaim {
  /** Adds a child; a process that is gone already is not added. */
  recordChild(role: string, pid: number): void;
  /** Removes a child that has ended. */
  forgetChild(pid: number): void;
  /** Gives the folder back, when all children have ended. */
  release(): void;
}

/**
 * Claims a data folder for this process, after ending what a killed owner left running.
 *
 * @param dataDir Created if missing; the record is `run.json` in it.
 * @throws {StartError} If a live process owns the folder.
 */
export async function claimFolder(dataDir: string, onProgress: OnProgress): Promise<FolderClaim> {
  mkdirSync(dataDir, { recursive: true });
  const owner = readLiveOwner(dataDir);
  if (owner !== undefined) {
    throw new StartError(
      `Cannot start in ${dataDir}: already running as pid ${owner}. Stop that one first (Ctrl-C, or kill ${owner}).`,
    );
  }
  await reapOrphans(dataDir, onProgress);
  const record: RecordFile = { owner: identify(process.pid), children: [] };
  claim(dataDir, record);
  const change = (children: RecordedChild[]): void => {
    record.children = children;
    write(dataDir, record);
  };
  return {
    recordChild(role, pid) {
      const startedAt = readProcessStart(pid);
      if (startedAt !== undefined) change([...record.children, { pid, startedAt, role }]);
    },
    forgetChild: (pid) => change(record.children.filter((child) => child.pid !== pid)),
    release: () => rmSync(fileOf(dataDir), { force: true }),
  };
}

/**
 * Ends the children of an owner that died without ending them (kill -9, power), and says so in one line.
 *
 * Does nothing while the owner lives. A recycled pid is never touched: a process counts only with its start
 * time.
 */
export async function reapOrphans(dataDir: string, onProgress: OnProgress): Promise<void> {
  const record = read(dataDir);
  if (record !== undefined && isAlive(record.owner)) return;
  const orphans = readLiveChildren(dataDir);
  if (record !== undefined && orphans.length > 0) {
    const names = orphans.map((orphan) => `${orphan.role} ${orphan.pid}`).join(', ');
    onProgress(`An earlier run (pid ${record.owner.pid}) was killed; ending what it left running: ${names}`);
    await Promise.all(orphans.map(endProcess));
  }
  // Also half a record (a full disk, a power cut): it must not block every later start.
  rmSync(fileOf(dataDir), { force: true });
}

/** The pid of the live process that owns a data folder; undefined if none does. */
export function readLiveOwner(dataDir: string): number | undefined {
  const record = read(dataDir);
  return record !== undefined && isAlive(record.owner) ? record.owner.pid : undefined;
}

/** The recorded children that live now: pids change when a server is started again. */
export function readLiveChildren(dataDir: string): readonly RecordedChild[] {
  return (read(dataDir)?.children ?? []).filter(isAlive);
}

function identify(pid: number): RecordFile['owner'] {
  return { pid, startedAt: readProcessStart(pid) ?? '' };
}

/** Creates the file exclusively, so that of two processes starting at once only one owns the folder. */
function claim(dataDir: string, record: RecordFile): void {
  try {
    writeFileSync(fileOf(dataDir), JSON.stringify(record), { flag: 'wx' });
  } catch (error) {
    throw new StartError(`Cannot start in ${dataDir}: another start is claiming it right now; try again.`, {
      cause: error,
    });
  }
}

function write(dataDir: string, record: RecordFile): void {
  const temporary = `${fileOf(dataDir)}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(record));
  renameSync(temporary, fileOf(dataDir));
}

/** An unreadable record is treated as absent: better to start than to be stuck on half a file. */
function read(dataDir: string): RecordFile | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(fileOf(dataDir), 'utf8')));
  } catch {
    return undefined;
  }
}

function fileOf(dataDir: string): string {
  return join(dataDir, 'run.json');
}
