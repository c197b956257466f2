import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { fetchJars } from '../src/jars/jars.ts';
import { startKafka } from '../src/kafka/kafka-server.ts';
import { JARS_FOLDER } from '@kandle/tooling/paths';
import { choosePorts } from '../src/ports/ports.ts';
import { readProcessStart } from '../src/process/process-start.ts';
import { claimFolder, reapOrphans } from '../src/process/run-record.ts';
import { readTopic, writeTopic } from './kafka-records.ts';

const { signal } = new AbortController();
const answer = z.object({ pid: z.number(), port: z.number() });

let dataDir = '';
const quiet = (): void => undefined;

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'kandle-orphans-'));
});

afterAll(async () => {
  await reapOrphans(dataDir, quiet);
  rmSync(dataDir, { recursive: true, force: true });
});

// Starts two brokers: a minute each on a machine that is busy with other things.
test('claimFolder() ends the broker of a killed owner, and the next broker finds its data', {
  timeout: 300_000,
}, async () => {
  const { kafka: libDir } = await fetchJars({ cacheDir: JARS_FOLDER, onProgress: quiet, signal });
  const script = fileURLToPath(new URL('./kafka-owner.ts', import.meta.url));
  const owner = spawn(process.execPath, [script, libDir, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void owner.kill('SIGKILL'));
  const first = await new Promise<z.infer<typeof answer>>((resolve, reject) => {
    createInterface({ input: owner.stdout }).once('line', (line) => resolve(answer.parse(JSON.parse(line))));
    owner.once('exit', (code) => reject(new Error(`the owner ended with ${code}`)));
  });
  await writeTopic([`127.0.0.1:${first.port}`], 'kept', ['one', 'two', 'three']);

  await expect(claimFolder(dataDir, quiet)).rejects.toThrow(`already running as pid ${owner.pid}`);
  owner.removeAllListeners('exit');
  const gone = new Promise((resolve) => owner.once('exit', resolve));
  owner.kill('SIGKILL');
  await gone;
  expect(readProcessStart(first.pid)).toBeDefined();

  const lines: string[] = [];
  const claim = await claimFolder(dataDir, (line) => lines.push(line));
  expect(readProcessStart(first.pid)).toBeUndefined();
  expect(lines).toEqual([expect.stringContaining(`kafka ${first.pid}`)]);

  const ports = await choosePorts({}, { random: true });
  const second = await startKafka({ libDir, dataDir, ports, heapMb: 256, onProgress: quiet, signal, claim });
  onTestFinished(() => second.kill());
  expect(await readTopic([`127.0.0.1:${ports.kafka}`], 'kept', 3)).toEqual(['one', 'two', 'three']);
  await second.stop();
  claim.release();
});
