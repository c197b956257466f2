import type { RunPlan } from '@kandle/knative/plan';
import { UsageError } from '@kandle/tooling/command';

/** What the pipeline does with a trade, by the sources that each part of it needs. */
const SOURCES_OF = {
  trades: ['transform', 'persist-trades'],
  candles: ['transform', 'aggregate', 'persist-candles'],
  rollups: [],
  signals: ['signal', 'persist-signals'],
  notices: ['notify'],
} as const;

/** A part of the pipeline's work that can be measured without the others. */
export type Part = keyof typeof SOURCES_OF;

/** All of it. */
export const ALL_PARTS = Object.keys(SOURCES_OF) as readonly Part[];

/** What a plain Spark job does: a row for each trade, and candles of five seconds. */
export const SPARKS_PARTS: readonly Part[] = ['trades', 'candles'];

/** Parts as a person names them, with commas between. @throws {UsageError} If there is no such part. */
export function parseParts(text: string): readonly Part[] {
  const names = new Set(text.split(','));
  const parts = ALL_PARTS.filter((part) => names.delete(part));
  const [unknown] = names;
  if (unknown !== undefined)
    throw new UsageError(`--only ${unknown}: there are ${ALL_PARTS.join(', ')}, with commas between`);
  return parts;
}

/** True if it is all of the pipeline's work. */
export function isEverything(parts: readonly Part[]): boolean {
  return parts.length === ALL_PARTS.length;
}

/** The plan with nothing in it that only other parts need. */
export function planOf(plan: RunPlan, parts: readonly Part[]): RunPlan {
  if (isEverything(parts)) return plan;
  const names = new Set<string>(parts.flatMap((part) => SOURCES_OF[part]));
  const sources = plan.sources.filter(({ name }) => names.has(name));
  const sinks = new Set(sources.map(({ sink }) => sink));
  const env = parts.includes('rollups') ? {} : { ROLLUPS: 'false' };
  return {
    ...plan,
    sources,
    services: plan.services
      .filter(({ name }) => sinks.has(name))
      .map((service) =>
        service.name === 'persist' ? { ...service, env: { ...service.env, ...env } } : service,
      ),
  };
}
