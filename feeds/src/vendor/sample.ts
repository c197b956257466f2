/** A look at one symbol of a market, whoever shows it. */
export interface MarketSample {
  readonly symbol: string;
  readonly price: number;
  readonly atMs: number;
  /** Of the day so far; null where the market has none. */
  readonly dayVolume: number | null;
}
