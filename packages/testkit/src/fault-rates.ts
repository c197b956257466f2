/** How often things go wrong; each a probability per occasion. */
export interface FaultRates {
  readonly crash: number;
  readonly dispatcherCrash: number;
  readonly unknown: number;
  readonly error: number;
  readonly timeout: number;
  readonly produceFailure: number;
  readonly heldBack: number;
  readonly duplicate: number;
}
