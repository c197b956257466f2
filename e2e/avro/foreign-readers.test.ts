import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { KANDLE_FOLDER } from '@kandle/tooling/paths';
import avsc from 'avsc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  hasRecording,
  NO_RECORDING,
  readExpectedWindows,
  readExportedCandles,
  RECORDING,
  writeRecording,
} from '../recording.ts';
import { runReplay } from '../run-replay.ts';
import { expectSameCandles } from '../same-candles.ts';
import { edgeFrames } from './edge-frames.ts';
import { type AvroBytes, readAvro } from './read-avro.ts';
import { avroEnv, registerAll, schemaOf, startTestRegistry, type TestRegistry } from './registry.ts';

const run = promisify(execFile);

let running: TestRegistry;
beforeAll(async () => {
  running = await startTestRegistry();
  await registerAll(running.registry);
});
afterAll(() => running?.close());

test('the bytes of the topics are read alike by fastavro in Python and by Apache Avro in Java', async () => {
  const file = join(running.folder, 'edges.jsonl.gz');
  writeRecording(file, edgeFrames());
  let records: readonly AvroBytes[] = [];
  await runReplay(file, {
    processEnv: (_, prefix) => avroEnv(running.url, prefix),
    async after(_, keyspace) {
      const topics = [TOPICS.raw, TOPICS.trades, TOPICS.candles];
      records = await readAvro(topics.map((topic) => `${keyspace}.${topic}`));
    },
  });
  const python = await installFastavro();
  for (const type of [EVENT_TYPES.rawTrades, EVENT_TYPES.trades, EVENT_TYPES.candles]) {
    const record = records.findLast((one) => one.type === type && one.value.length > 100);
    if (record === undefined) throw new Error(`no record of ${type}`);
    const [schema, data] = [join(running.folder, 'schema.avsc'), join(running.folder, 'data.bin')];
    writeFileSync(schema, JSON.stringify(schemaOf(type)));
    writeFileSync(data, record.value);
    const readers = join(import.meta.dirname, 'readers');
    const byPython = await run(python, [join(readers, 'decode.py'), schema, data]);
    const classpath = join(running.server.libDir, '*');
    const byJava = await run('java', ['-cp', classpath, join(readers, 'Decode.java'), schema, data]);
    const ours = decoded(type, record.value);
    expect(JSON.parse(byPython.stdout), `${type} in Python`).toEqual(ours);
    expect(JSON.parse(byJava.stdout), `${type} in Java`).toEqual(ours);
  }
});

test.skipIf(!hasRecording)(
  `the recording ends with the same bytes of candles and trades as JSON, and with the expected windows, when it is played as Avro${hasRecording ? '' : ` (${NO_RECORDING})`}`,
  async () => {
    const json = await runReplay(RECORDING);
    const avro = await runReplay(RECORDING, { processEnv: (_, prefix) => avroEnv(running.url, prefix) });
    expect(avro.candles).toBe(json.candles);
    expect(avro.trades).toBe(json.trades);
    expectSameCandles(readExportedCandles(avro.candles), readExpectedWindows());
  },
);

/** What the functions themselves read, with texts of JSON and nulls as the schema has them. */
function decoded(type: string, value: Buffer): unknown {
  const schema = avsc.Type.forSchema(JSON.parse(JSON.stringify(schemaOf(type))));
  return JSON.parse(JSON.stringify(schema.fromBuffer(value)));
}

/** A Python with fastavro, made once in `.kandle`. */
async function installFastavro(): Promise<string> {
  const venv = join(KANDLE_FOLDER, 'fastavro');
  const python = join(venv, 'bin', 'python');
  if (!existsSync(join(venv, 'done'))) {
    rmSync(venv, { recursive: true, force: true });
    mkdirSync(KANDLE_FOLDER, { recursive: true });
    await run('python3', ['-m', 'venv', venv]);
    const requirements = join(import.meta.dirname, 'readers', 'requirements.txt');
    await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    writeFileSync(join(venv, 'done'), '');
  }
  return python;
}
