/**
 * A CloudEvent as the pure core makes it; the shell turns it into a Kafka record or an HTTP request.
 *
 * `extensions` arrive as strings at the other end; names are lower case letters and digits, at most 20. `key`
 * is the Kafka key, the shard.
 */
export interface MarketEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly key: string;
  readonly extensions: Readonly<Record<string, string>>;
  readonly data: unknown;
}
