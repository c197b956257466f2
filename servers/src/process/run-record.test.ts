import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readProcessStart } from './process-start.ts';
import { claimFolder, readLiveChildren, readLiveOwner, reapOrphans } from './run-record.ts';

let folder = '';
const sleepers: ChildProcess[] = [];
const lines: string[] = [];
const say = (line: string): void => void lines.push(line);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kandle-record-'));
  lines.length = 0;
});

afterEach(() => {
  for (const sleeper of sleepers.splice(0)) sleeper.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A real process that would outlive the test. */
function sleeper(): { pid: number; startedAt: string } {
  const child = spawn('sleep', ['300'], { stdio: 'ignore' });
  sleepers.push(child);
  const pid = child.pid ?? 0;
  return { pid, startedAt: readProcessStart(pid) ?? '' };
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}

function writeRecord(owner: object, children: object[]): void {
  writeFileSync(join(folder, 'run.json'), JSON.stringify({ owner, children }));
}

test('claimFolder() keeps children on record until they are forgotten, and gives the folder back', async () => {
  const claim = await claimFolder(folder, say);
  const { pid } = sleeper();
  claim.recordChild('kafka', pid);
  expect(readLiveOwner(folder)).toBe(process.pid);
  expect(readLiveChildren(folder)).toMatchObject([{ role: 'kafka', pid }]);
  claim.forgetChild(pid);
  expect(readLiveChildren(folder)).toEqual([]);
  claim.release();
  expect(readLiveOwner(folder)).toBeUndefined();
});

test('claimFolder() refuses a folder whose owner lives, naming its pid', async () => {
  const owner = sleeper();
  writeRecord(owner, []);
  await expect(claimFolder(folder, say)).rejects.toThrow(`already running as pid ${owner.pid}`);
  expect(readLiveOwner(folder)).toBe(owner.pid);
});

test('claimFolder() lets one of two simultaneous starts in', async () => {
  const results = await Promise.allSettled([claimFolder(folder, say), claimFolder(folder, say)]);
  expect(results.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

test('claimFolder() ends what a dead owner left, says so in one line and forgets it', async () => {
  const orphan = sleeper();
  writeRecord({ pid: await deadPid(), startedAt: '1' }, [{ ...orphan, role: 'kafka' }]);
  const claim = await claimFolder(folder, say);
  expect(readProcessStart(orphan.pid)).toBeUndefined();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(`kafka ${orphan.pid}`);
  claim.release();
});

test('reapOrphans() never ends a recycled pid', async () => {
  const { pid } = sleeper();
  writeRecord({ pid: await deadPid(), startedAt: '1' }, [{ pid, startedAt: '1', role: 'kafka' }]);
  await reapOrphans(folder, say);
  expect(readProcessStart(pid)).toBeDefined();
  expect(lines).toEqual([]);
});

test('reapOrphans() takes an owner whose pid was recycled for dead', async () => {
  const [stranger, orphan] = [sleeper(), sleeper()];
  writeRecord({ pid: stranger.pid, startedAt: '1' }, [{ ...orphan, role: 'persist' }]);
  await reapOrphans(folder, say);
  expect(readProcessStart(orphan.pid)).toBeUndefined();
  expect(readProcessStart(stranger.pid)).toBeDefined();
});

test('reapOrphans() leaves the children of a live owner alone', async () => {
  const [owner, child] = [sleeper(), sleeper()];
  writeRecord(owner, [{ ...child, role: 'kafka' }]);
  await reapOrphans(folder, say);
  expect(readProcessStart(child.pid)).toBeDefined();
});

test('claimFolder() is not stuck on half a record', async () => {
  writeFileSync(join(folder, 'run.json'), '{"owner":{"pi');
  const claim = await claimFolder(folder, say);
  expect(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8'))).toMatchObject({ children: [] });
  claim.release();
});
