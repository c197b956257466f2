import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChildServer, createChildServer } from '../child-server.ts';

/** Where Debian's package puts it; INFLUXD names another of 1.x. */
const PROGRAM = [process.env['INFLUXD'], '/usr/bin/influxd'].find(
  (path) => path !== undefined && existsSync(path),
);

/** Why tests on InfluxDB are left out, as the end of their name; null where there is one. */
export const NO_INFLUX: string | null =
  PROGRAM === undefined
    ? ': left out, for there is none in /usr/bin (apt-get install influxdb, or name its program in INFLUXD)'
    : null;

/** Rows of one series: its tags, and each point's columns by name. */
interface Series {
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | number | boolean | null)[])[];
}

/** An InfluxDB 1.x of its own, with an empty database `kandle`. */
export interface InfluxServer extends ChildServer {
  readonly url: string;
  /** What a query answers, a point each: its columns, and the tags that it is grouped by. */
  query(text: string): Promise<readonly Readonly<Record<string, string | number | boolean | null>>[]>;
}

/**
 * Starts one on 127.0.0.1, on a port for HTTP and one for its own; what it has answered for survives a kill.
 */
export async function startInflux(port: number, rpcPort: number): Promise<InfluxServer> {
  const url = `http://127.0.0.1:${port}`;
  const server = createChildServer({
    name: 'influx',
    program: PROGRAM ?? '',
    args(folder) {
      const file = join(folder, 'influxdb.conf');
      writeFileSync(
        file,
        `reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
dir = "${folder}/meta"
[data]
dir = "${folder}/data"
wal-dir = "${folder}/wal"
query-log-enabled = false
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:${port}"
log-enabled = false
`,
      );
      return ['-config', file];
    },
    isReady: async () => (await fetch(`${url}/ping`).catch(() => null))?.status === 204,
  });

  async function query(text: string): ReturnType<InfluxServer['query']> {
    const answer = await fetch(`${url}/query?db=kandle`, {
      method: 'POST',
      body: new URLSearchParams({ q: text }),
    });
    const { results } = (await answer.json()) as {
      readonly results: readonly { readonly error?: string; readonly series?: readonly Series[] }[];
    };
    const [result] = results;
    if (result?.error !== undefined) throw new Error(result.error);
    return (result?.series ?? []).flatMap(({ tags = {}, columns, values }) =>
      values.map((row) => ({
        ...tags,
        ...Object.fromEntries(columns.map((column, n) => [column, row[n] ?? null])),
      })),
    );
  }

  await server.start();
  await query('CREATE DATABASE kandle');
  return { ...server, url, query };
}
