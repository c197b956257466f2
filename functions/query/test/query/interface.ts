import { expect, test } from 'vitest';
import { z } from 'zod';
import type { QueryMarket } from './market.ts';

/** `/v1/openapi.json` and `/v1/health`. */
export function testInterface({ ask }: QueryMarket): void {
  test('the interface describes itself', async () => {
    const ParameterSchema = z.object({ name: z.string(), schema: z.looseObject({}) });
    const PathSchema = z.object({ get: z.object({ parameters: z.array(ParameterSchema).optional() }) });
    const described = z
      .object({ paths: z.record(z.string(), PathSchema) })
      .parse(await (await ask('/v1/openapi.json')).json());
    expect(Object.keys(described.paths).toSorted()).toEqual([
      '/v1/candles',
      '/v1/explain',
      '/v1/gaps',
      '/v1/indicators',
      '/v1/instrument-lists',
      '/v1/instruments',
      '/v1/revisions',
      '/v1/signals',
      '/v1/stream',
      '/v1/symbols',
      '/v1/trades',
    ]);
    for (const path of ['/v1/candles', '/v1/revisions', '/v1/trades'])
      expect(described.paths[path]?.get.parameters).toContainEqual({
        name: 'exact',
        schema: expect.objectContaining({
          type: 'string',
          enum: ['0', '1'],
          description: expect.any(String),
        }),
      });
    expect((await ask('/v1/health')).status).toBe(200);
  });
}
