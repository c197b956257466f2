/** A number with its labels, of one of its collector's gauges. */
export interface Sample {
  readonly gauge: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * What a gauge says, and the names of its labels: one at least, for a gauge without any reads 0 when nothing is
 * known.
 */
export interface GaugeSpec {
  readonly help: string;
  /** True for a number that only grows, until what it counts begins anew. */
  readonly isCounter?: true;
  readonly labels: readonly [string, ...string[]];
}

/** Reads some numbers from a server. A new kind of number is a new collector, listed in `index.ts`. */
export interface Collector {
  readonly name: string;
  /** The server that it asks, for `kandle_up`. */
  readonly server: 'kafka' | 'cassandra';
  /** Its gauges by name; no other collector has one of them. */
  readonly gauges: Readonly<Record<string, GaugeSpec>>;
  /** What is true now: what is not returned is no longer shown. Bounded work, whatever the tables hold. */
  readonly collect: () => Promise<readonly Sample[]>;
}
