import * as z from 'zod/mini';

const number = z.nullable(z.number());

const FunctionSchema = z.object({
  name: z.string(),
  ready: z.number(),
  starting: z.number(),
  requestsPerSecond: z.number(),
  p99Ms: number,
  coldStarts: z.number(),
  lastStartMs: number,
  crashes: z.number(),
});
export type FunctionFacts = z.infer<typeof FunctionSchema>;

const SourceSchema = z.object({
  name: z.string(),
  topic: z.string(),
  sink: z.string(),
  eventsPerSecond: z.number(),
  lag: number,
  retries: z.number(),
  deadLettered: z.number(),
  dropped: z.number(),
});
export type SourceFacts = z.infer<typeof SourceSchema>;

/** A run as the launcher knows it; the same facts as in its live view. */
export const RunSchema = z.object({
  upMs: z.number(),
  feed: z.object({
    name: z.string(),
    status: z.string(),
    trades: z.number(),
    of: number,
    tradesPerSecond: z.number(),
    symbolCount: z.number(),
  }),
  candles: z.number(),
  rejects: z.number(),
  deadLetters: z.number(),
  signalCount: z.number(),
  activeSymbols: z.number(),
  functions: z.array(FunctionSchema),
  sources: z.array(SourceSchema),
  refusals: z.array(z.tuple([z.string(), z.number()])),
  lastAudit: z.nullable(
    z.object({
      finishedMs: z.number(),
      verdict: z.string(),
      differences: z.number(),
      tradesChecked: z.number(),
      windowsChecked: z.number(),
    }),
  ),
});
export type RunFacts = z.infer<typeof RunSchema>;

/** A dead letter with what it holds. */
export const LetterSchema = z.object({
  partition: z.number(),
  offset: z.string(),
  writtenMs: z.number(),
  id: z.string(),
  type: z.string(),
  destination: z.string(),
  status: z.string(),
  reason: z.string(),
  isRedriven: z.boolean(),
  headers: z.record(z.string(), z.string()),
  value: z.string(),
});
export type Letter = z.infer<typeof LetterSchema>;
