import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { renderCassandraYaml } from './cassandra/cassandra-yaml.ts';
import { renderKafkaProperties } from './kafka/kafka-properties.ts';
import { claimFolder } from './process/run-record.ts';
import { findRunningServers } from './running-servers.ts';

test('findRunningServers() finds the ports that a live stack was started with, and nothing once it has ended', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-running-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const kafka = join(folder, 'kafka');
  const cassandra = join(folder, 'cassandra');
  for (const server of [kafka, cassandra]) mkdirSync(server);
  expect(findRunningServers(folder)).toBeNull();

  const claim = await claimFolder(folder, () => undefined);
  expect(findRunningServers(folder)).toBeNull();
  writeFileSync(
    join(kafka, 'server.properties'),
    renderKafkaProperties({ port: 20_001, controllerPort: 20_002, logDir: kafka }),
  );
  writeFileSync(
    join(cassandra, 'cassandra.yaml'),
    renderCassandraYaml({ port: 20_003, storagePort: 20_004, dataDir: cassandra }),
  );
  expect(findRunningServers(folder)).toEqual({
    pid: process.pid,
    kafkaBrokers: ['127.0.0.1:20001'],
    cassandra: { contactPoints: ['127.0.0.1'], port: 20_003, localDataCenter: 'datacenter1' },
  });
  claim.release();
  expect(findRunningServers(folder)).toBeNull();
});
