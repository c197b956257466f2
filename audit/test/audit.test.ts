import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAudit } from '../src/audit.ts';
import { showReport } from '../src/show-report.ts';
import { createSmallMarket } from './small-market.ts';
import { type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';

let pipeline: SmallPipeline;

beforeAll(async () => {
  pipeline = await startSmallPipeline();
  await pipeline.ingest(createSmallMarket(700, Date.now()));
  await pipeline.flow();
});

afterAll(() => pipeline.close());

test('runAudit() finds nothing, when the real functions made what it looks at', async () => {
  const report = await runAudit(pipeline.audit);

  console.log(showReport(report, 20));
  expect(report.findings).toEqual([]);
  expect(report.verdict).toBe('clean');
});
