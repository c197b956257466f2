/** Which of InfluxDB's interfaces is written to. */
export type InfluxApi = 'v1' | 'v2' | 'v3';

/** Where points are written. */
export interface InfluxTarget {
  readonly url: string;
  readonly api: InfluxApi;
  readonly database: string;
  readonly org: string;
  readonly token: string | undefined;
}

/** Address and login of a write. */
export interface WriteRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a target wants to be written to: nanoseconds, and an answer when the points are durable. */
export function writeRequest({ url: base, api, database, org, token }: InfluxTarget): WriteRequest {
  const { path, query, scheme } = {
    v1: { path: 'write', query: { db: database, precision: 'ns' }, scheme: 'Basic' },
    v2: { path: 'api/v2/write', query: { org, bucket: database, precision: 'ns' }, scheme: 'Token' },
    v3: {
      path: 'api/v3/write_lp',
      // Without `no_sync` it answers when the write is in its log.
      query: { db: database, precision: 'nanosecond', accept_partial: 'true' },
      scheme: 'Bearer',
    },
  }[api];
  const url = new URL(path, base.endsWith('/') ? base : `${base}/`);
  url.search = new URLSearchParams(query).toString();
  const login = token !== undefined && api === 'v1' ? Buffer.from(token).toString('base64') : token;
  return {
    url,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      ...(login === undefined ? {} : { authorization: `${scheme} ${login}` }),
    },
  };
}
