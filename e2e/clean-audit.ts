import { auditPipeline } from '@kandle/local/audit-pipeline';
import { prefixPlan } from '@kandle/knative/prefix';
import { readPlan } from '@kandle/knative/read-plan';
import { expect, inject } from 'vitest';

/**
 * Counts again, independently: whatever was done to a feed, nothing may differ at its end, and nothing be left
 * out.
 *
 * @param name Of the keyspace; its topics begin with it.
 */
export async function expectCleanAudit(
  name: string,
  options: Parameters<typeof auditPipeline>[1] = {},
): ReturnType<typeof auditPipeline> {
  const servers = { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') };
  const prefix = `${name}.`;
  const plan = prefixPlan(await readPlan(), prefix);
  const audit = await auditPipeline({ servers, keyspace: name, prefix, plan }, options);
  expect(audit.findings, 'the audit').toEqual([]);
  for (const [subject, { skipped }] of audit.subjects) {
    // Longer candles are made a little later; they may be on their way.
    if (!/^candles_(1m|5m|1h|1d)$/.test(subject)) expect(skipped, subject).toEqual({});
  }
  return audit;
}
