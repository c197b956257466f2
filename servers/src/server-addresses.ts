import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Servers } from './servers.ts';

const AddressesSchema = z.object({
  kafka: z.object({ brokers: z.array(z.string()), pid: z.int() }),
  cassandra: z.object({
    contactPoints: z.array(z.string()),
    port: z.int(),
    localDataCenter: z.string(),
    pid: z.int(),
  }),
});

/**
 * Where the servers of a data folder are, as whoever started them wrote it down: `servers.json` in the folder.
 */
export type ServerAddressFile = z.infer<typeof AddressesSchema>;

/** Writes down where the servers are, for other processes on this machine. */
export function writeServerAddresses(
  folder: string,
  { kafka, cassandra }: Pick<Servers, 'kafka' | 'cassandra'>,
): void {
  const addresses: ServerAddressFile = {
    kafka: { brokers: [...kafka.brokers], pid: kafka.pid },
    cassandra: {
      contactPoints: [...cassandra.contactPoints],
      port: cassandra.port,
      localDataCenter: cassandra.localDataCenter,
      pid: cassandra.pid,
    },
  };
  writeFileSync(fileOf(folder), JSON.stringify(addresses));
}

/** @throws {Error} If nothing was written down there, or not by this version. */
export function readServerAddresses(folder: string): ServerAddressFile {
  return AddressesSchema.parse(JSON.parse(readFileSync(fileOf(folder), 'utf8')));
}

/** Takes it back, when the servers end. */
export function forgetServerAddresses(folder: string): void {
  rmSync(fileOf(folder), { force: true });
}

function fileOf(folder: string): string {
  return join(folder, 'servers.json');
}
