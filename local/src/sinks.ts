import type { Env } from '@kandle/runtime/config';
import type { Sink } from '@kandle/knative/read-plan';
import { type OptionParser, UsageError } from '@kandle/tooling/command';

/** A database beside Cassandra that is written to, and where it is. */
export interface SinkChoice {
  readonly sink: Sink;
  readonly url: string;
}

/** What begins the variables of each. */
const PREFIXES = { 'sink-influx': 'INFLUX_', 'sink-redis': 'REDIS_' } as const satisfies Record<Sink, string>;

/** `redis=redis://127.0.0.1:6379`. */
export const sinkChoice: OptionParser<SinkChoice> = (given) => {
  const [, name, url = ''] = /^(influx|redis)=(.*)$/.exec(given) ?? [];
  const protocols = name === 'influx' ? ['http:', 'https:'] : ['redis:', 'rediss:'];
  const parsed = name === undefined || !URL.canParse(url) ? null : new URL(url);
  if (parsed === null || !protocols.includes(parsed.protocol))
    throw new UsageError(
      `--sink ${given}: expected influx=http://127.0.0.1:8086 or redis=redis://127.0.0.1:6379`,
    );
  if (parsed.password !== '')
    throw new UsageError('--sink: a password belongs into a file: REDIS_PASSWORD_FILE, INFLUX_TOKEN_FILE');
  return { sink: name === 'influx' ? 'sink-influx' : 'sink-redis', url };
};

/** The variables of a sink's process: its address, and what the environment says of it (`INFLUX_API`, …). */
export function sinkEnv({ sink, url }: SinkChoice, env: Env): Readonly<Record<string, string>> {
  const prefix = PREFIXES[sink];
  const own = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith(prefix) && value !== undefined ? [[name, value] as const] : [],
  );
  return { ...Object.fromEntries(own), [`${prefix}URL`]: url };
}
