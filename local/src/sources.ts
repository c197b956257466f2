import type { Topics } from './topics.ts';

/**
 * What the event source of a topic does for one function: the part of a KafkaSource that the laptop's dispatcher
 * knows. Durations in milliseconds.
 */
export interface Source {
  readonly name: string;
  readonly topic: string;
  readonly consumerGroup: string;
  /** Name of the function that gets the events. */
  readonly sink: string;
  readonly delivery: Delivery;
}

/** When a delivery is given up, and what becomes of the event then. */
export interface Delivery {
  /** Tries after the first. */
  readonly retry: number;
  readonly backoffPolicy: 'linear' | 'exponential';
  readonly backoffDelayMs: number;
  readonly timeoutMs: number;
  /** Without one, an event that is given up is dropped, as KafkaSource does. */
  readonly deadLetterTopic: string | null;
}

/** The sources of the pipeline in the order of the flow, until the runner reads them from `knative/`. */
export function pipelineSources(topics: Topics, prefix = ''): readonly Source[] {
  const delivery: Delivery = {
    // A database outage of two and a half hours ends in no dead letter.
    retry: 1_800,
    backoffPolicy: 'linear',
    backoffDelayMs: 5,
    timeoutMs: 90_000,
    deadLetterTopic: topics.dead,
  };
  return [
    {
      name: 'transform',
      topic: topics.raw,
      consumerGroup: `${prefix}kandle-transform`,
      sink: 'transform',
      delivery,
    },
    {
      name: 'aggregate',
      topic: topics.trades,
      consumerGroup: `${prefix}kandle-aggregate`,
      sink: 'aggregate',
      delivery,
    },
    {
      name: 'persist-trades',
      topic: topics.trades,
      consumerGroup: `${prefix}kandle-persist-trades`,
      sink: 'persist',
      delivery,
    },
    {
      name: 'persist-candles',
      topic: topics.candles,
      consumerGroup: `${prefix}kandle-persist-candles`,
      sink: 'persist',
      delivery,
    },
  ];
}
