import type { RunPlan } from './plan.ts';

/** The same plan with other topics and consumer groups, so that several pipelines can share a broker. */
export function prefixPlan(plan: RunPlan, prefix: string): RunPlan {
  if (prefix === '') return plan;
  return {
    ...plan,
    topics: plan.topics.map((topic) => ({ ...topic, topic: prefix + topic.topic })),
    sources: plan.sources.map((source) => ({
      ...source,
      topic: prefix + source.topic,
      consumerGroup: prefix + source.consumerGroup,
      delivery: {
        ...source.delivery,
        deadLetterTopic:
          source.delivery.deadLetterTopic === null ? null : prefix + source.delivery.deadLetterTopic,
      },
    })),
  };
}
