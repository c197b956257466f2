import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { HOUR_MS, type Manifest } from '@kandle/runtime/archive/manifest';
import { readArchivedHours, readArchiveFile } from '@kandle/runtime/archive/read-archive';
import type { ArchivedRecord } from '@kandle/runtime/archive/record-line';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { expect, inject, onTestFinished, test } from 'vitest';
import { archiveClosedHours } from '../src/archive.ts';

const execFileLater = promisify(execFile);
const FIRST_HOUR_MS = Date.parse('2026-11-20T10:00Z');
/** Eight minutes after the end of the second hour. */
const NOW_MS = FIRST_HOUR_MS + 2 * HOUR_MS + 480_000;

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-archive-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function newTopic() {
  const topic = `archive-${Date.now()}`;
  const kafka = createKafka(
    KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
    topic,
    createLogger(topic, 'silent'),
  );
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: [topic] });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  // The records of this test are older than what a topic usually keeps.
  await createTopics(admin, [{ topic, partitions: 3, config: { 'retention.ms': '-1' } }]);
  const send = (partition: number, atMs: number, value: Buffer | string | null): Promise<unknown> =>
    producer.send({
      topic,
      messages: [
        {
          partition,
          key: `test-0${partition}`,
          value,
          timestamp: String(atMs),
          headers: { ce_id: `${partition}:${atMs}`, odd: Buffer.from([0xff, 0x00]) },
        },
      ],
    });
  const hours: [string, Manifest][] = [];
  const archive = (folder: string, wallMs = NOW_MS): Promise<number> =>
    archiveClosedHours({
      kafka,
      topic,
      folder,
      group: topic,
      closeAfterMs: 300_000,
      readMs: 60_000,
      wallMs: () => wallMs,
      onHour: (name, manifest) => void hours.push([name, manifest]),
    });
  return { topic, admin, send, archive, hours };
}

async function readBack(folder: string, topic: string): Promise<Record<string, readonly ArchivedRecord[]>> {
  const found: Record<string, ArchivedRecord[]> = {};
  for (const hour of await readArchivedHours(folder, topic)) {
    for (const file of hour.manifest.files)
      for await (const record of readArchiveFile(hour, file))
        (found[`p${file.partition}`] ??= []).push(record);
  }
  return found;
}

test('archiveClosedHours() keeps every record of closed hours once, byte for byte, whatever their clocks say', async () => {
  const { topic, admin, send, archive, hours } = await newTopic();
  const folder = newFolder();
  expect(await archive(folder)).toBe(0);
  const odd = Buffer.from([0xc3, 0x28, 0x0a, 0x00]);
  await send(0, FIRST_HOUR_MS + 1, 'a\n"ü😀');
  await send(0, FIRST_HOUR_MS + HOUR_MS, odd);
  // A clock that was set back, and then a record of the hour that is not over.
  await send(0, FIRST_HOUR_MS + 5, null);
  await send(0, FIRST_HOUR_MS + 2 * HOUR_MS, 'open');
  await send(1, FIRST_HOUR_MS + HOUR_MS + 7, 'b');
  expect(await archive(folder)).toBe(2);
  expect(
    hours.map(([name, { records, files }]) => [name, records, files.map(({ from, to }) => `${from}-${to}`)]),
  ).toEqual([
    ['2026-11-20T10Z', 1, ['0-1']],
    ['2026-11-20T11Z', 3, ['1-3', '0-1']],
  ]);
  const kept = await readBack(folder, topic);
  expect(kept['p0']?.map(({ value }) => value)).toEqual([Buffer.from('a\n"ü😀'), odd, null]);
  expect(kept['p1']).toEqual([
    {
      offset: 0n,
      timestampMs: FIRST_HOUR_MS + HOUR_MS + 7,
      key: Buffer.from('test-01'),
      headers: { ce_id: Buffer.from(`1:${FIRST_HOUR_MS + HOUR_MS + 7}`), odd: Buffer.from([0xff, 0x00]) },
      value: Buffer.from('b'),
    },
  ]);
  // Nothing is written twice; the next hour goes on where this one ended, and the group says how far it is.
  expect(await archive(folder)).toBe(0);
  const committed = async (): Promise<unknown> =>
    (await admin.fetchOffsets({ groupId: topic, topics: [topic] }))[0]?.partitions
      .map(({ partition, offset }) => `${partition}:${offset}`)
      .toSorted();
  expect(await committed()).toEqual(['0:3', '1:1', '2:0']);
  // Retention takes what is archived, and something that is not.
  await send(1, FIRST_HOUR_MS + 2 * HOUR_MS + 8, 'lost');
  await send(1, FIRST_HOUR_MS + 2 * HOUR_MS + 9, 'kept');
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '2' }] });
  expect(await archive(folder, NOW_MS + HOUR_MS)).toBe(1);
  expect(hours.at(-1)?.[1]).toMatchObject({ records: 2, lost: [{ partition: 1, from: '1', to: '2' }] });
  expect((await readBack(folder, topic))['p1']?.map(({ value }) => String(value))).toEqual(['b', 'kept']);
});

test('an hour is whole or not there, at whichever step its writer is killed', async () => {
  const program = fileURLToPath(new URL('./killed-writer.ts', import.meta.url));
  const write = async (killAt: number): Promise<readonly [string, string]> => {
    const folder = newFolder();
    const { stdout } = await execFileLater(process.execPath, [program, folder, String(killAt)]).catch(
      (error: unknown) => {
        expect(error).toMatchObject({ signal: 'SIGKILL' });
        return { stdout: 'killed' };
      },
    );
    return [folder, stdout.trim()];
  };
  const [, whole] = await write(0);
  const steps = Number(whole.replace('steps ', ''));
  expect(steps).toBeGreaterThan(15);
  const killed = await Promise.all(Array.from({ length: steps }, (_, index) => write(index + 1)));
  const seen = new Set<number>();
  for (const [folder, said] of killed) {
    expect(said).toBe('killed');
    const found = Object.values(await readBack(folder, 'topic')).flat();
    seen.add(found.length);
  }
  // All three records, or no hour at all; and both were seen.
  expect(seen).toEqual(new Set([0, 3]));
});

test('readArchiveFile() gives no record of a file that is not as its manifest says', async () => {
  const { topic, send, archive } = await newTopic();
  const folder = newFolder();
  await send(0, FIRST_HOUR_MS, 'a');
  expect(await archive(folder)).toBe(1);
  const hour = join(folder, topic, '2026-11-20T10Z');
  expect(readdirSync(hour).toSorted()).toEqual(['manifest.json', 'partition-00.ndjson.gz']);
  const path = join(hour, 'partition-00.ndjson.gz');
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 5) ^ 1, bytes.length - 5);
  writeFileSync(path, bytes);
  await expect(readBack(folder, topic)).rejects.toThrow('its bytes are not those of its manifest');
});
