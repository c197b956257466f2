import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { choosePorts, chooseServedPort, freePort, isPortFree } from './ports.ts';

const holders: Server[] = [];

afterEach(async () => {
  await Promise.all(holders.splice(0).map((holder) => new Promise((resolve) => holder.close(resolve))));
});

async function hold(): Promise<number> {
  const port = await freePort();
  const server = createServer();
  holders.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return port;
}

test('choosePorts() gives five different ports, free ones, when none is given', async () => {
  const ports = Object.values(await choosePorts());
  expect(new Set(ports).size).toBe(5);
  expect(await Promise.all(ports.map(isPortFree))).toEqual([true, true, true, true, true]);
});

test('choosePorts() leaves the usual ports alone when asked for random ones', async () => {
  const ports = Object.values(await choosePorts({}, { random: true }));
  expect(ports.every((port) => port >= 20_000 && port < 32_000)).toBe(true);
});

test('choosePorts() keeps a given port and never gives it twice', async () => {
  const given = await freePort();
  expect((await choosePorts({ 'cassandra-port': given })).cassandra).toBe(given);
  const clash = await choosePorts({ 'cassandra-port': 9092 }).catch(() => undefined);
  expect(clash?.kafka).not.toBe(9092);
});

test('choosePorts() names every busy given port with its option and its holder', async () => {
  const [first, second] = [await hold(), await hold()];
  const failure = choosePorts({ 'kafka-port': first, 'cassandra-jmx-port': second });
  await expect(failure).rejects.toMatchObject({ name: 'StartError' });
  await expect(failure).rejects.toThrow(`--kafka-port ${first}: the port is in use`);
  await expect(failure).rejects.toThrow(`--cassandra-jmx-port ${second}: the port is in use`);
  if (process.platform === 'linux') await expect(failure).rejects.toThrow(`by pid ${process.pid} `);
});

test('choosePorts() refuses one port for two servers, and a port that is none', async () => {
  const port = await freePort();
  await expect(choosePorts({ 'kafka-port': port, 'cassandra-port': port })).rejects.toThrow(
    'given as --kafka-port',
  );
  await expect(choosePorts({ 'kafka-port': 70_000 })).rejects.toThrow('from 1 to 65535');
});

test.each(['metrics-port', 'query-port'] as const)(
  'chooseServedPort() keeps a given %s, and names it when it is busy',
  async (option) => {
    const given = await freePort();
    expect(await chooseServedPort(option, given)).toBe(given);
    const held = await hold();
    await expect(chooseServedPort(option, held)).rejects.toThrow(`--${option} ${held}: the port is in use`);
  },
);
