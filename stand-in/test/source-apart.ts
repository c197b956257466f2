import { z } from 'zod';
import type { SourcePlan } from '@kandle/knative/plan';
import { runStandIn } from './contract-target.ts';

/**
 * Runs a source until its standard input ends: `source-apart.ts <JSON>`; prints a line when it has its
 * partitions.
 */
const Task = z.object({
  brokers: z.array(z.string()),
  plan: z.custom<SourcePlan>((value) => typeof value === 'object'),
  sinkUrl: z.string(),
});
const { brokers, plan, sinkUrl } = Task.parse(JSON.parse(process.argv[2] ?? ''));
const stop = await runStandIn(brokers, plan, sinkUrl);
console.log('ready');
process.stdin.resume();
process.stdin.once('end', () => void stop().then(() => process.exit(0)));
