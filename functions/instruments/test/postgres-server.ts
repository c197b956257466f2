import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresSettings } from '../src/postgres-store.ts';
import { freePort } from '@kandle/servers/ports/ports';

/** Where Debian's packages put it; POSTGRES_BIN names another folder. */
const DEBIAN = '/usr/lib/postgresql';
const BIN =
  process.env['POSTGRES_BIN'] ??
  (existsSync(DEBIAN) ? readdirSync(DEBIAN) : [])
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));

/** Why tests on PostgreSQL are left out, as the end of their name; null where there is one. */
export const NO_POSTGRES: string | null =
  BIN === undefined
    ? `: left out, for there is none in ${DEBIAN} (apt-get install postgresql, or name its folder in POSTGRES_BIN)`
    : null;

/** A PostgreSQL of its own, with an empty database. */
export interface PostgresServer {
  readonly settings: PostgresSettings;
  start(): Promise<void>;
  /** Ends it at once; what was committed stays. */
  kill(): Promise<void>;
  /** Ends it, and removes its data. */
  remove(): Promise<void>;
}

/** Starts a PostgreSQL on a free port of 127.0.0.1; it refuses root, so root starts it as `postgres`. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-postgres-'));
  const port = await freePort();
  const owner = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const bin = (name: string) => join(BIN ?? '', name);
  const data = join(folder, 'data');
  const options = { ...owner, cwd: folder, stdio: 'ignore' } as const;
  execFileSync(
    bin('initdb'),
    ['-D', data, '-U', 'kandle', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    options,
  );
  let child: ReturnType<typeof spawn> | null = null;

  async function start(): Promise<void> {
    const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'fsync=off'];
    child = spawn(bin('postgres'), args, options);
    const exited = once(child, 'exit').then(() => {
      throw new Error('Cannot start PostgreSQL: it has ended');
    });
    exited.catch(() => undefined);
    while (!isReady()) await Promise.race([sleep(50), exited]);
  }

  function isReady(): boolean {
    try {
      execFileSync(bin('pg_isready'), ['-h', '127.0.0.1', '-p', String(port), '-q'], options);
      return true;
    } catch {
      return false;
    }
  }

  async function kill(): Promise<void> {
    if (child === null) return;
    const exited = once(child, 'exit');
    // SIGQUIT: it ends without a checkpoint, as in a crash, and takes its own processes with it.
    child.kill('SIGQUIT');
    await exited;
    child = null;
  }

  await start();
  const settings = { host: '127.0.0.1', port, database: 'postgres', user: 'kandle', password: undefined };
  return {
    settings: { ...settings, ca: undefined },
    start,
    kill,
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}
