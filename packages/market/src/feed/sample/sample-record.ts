/**
 * A price that a feed shows from time to time, as the raw log keeps it: no trade, but a look at the market.
 * Values are as they came, and not judged: `s` symbol, `p` price, `t` UNIX milliseconds, `dv` the volume of the
 * day so far, null where the feed does not say it. Ingest adds `v`, by how much `dv` has grown since the
 * sample before; null where nobody can know.
 */
export interface SampleRecord {
  readonly s: unknown;
  readonly p: unknown;
  readonly t: unknown;
  readonly dv: unknown;
}
