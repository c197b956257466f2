import { z } from '@hono/zod-openapi';

const problem = {
  content: {
    'application/problem+json': {
      schema: z.object({
        status: z.number(),
        title: z.string(),
        fields: z.record(z.string(), z.string()).optional(),
      }),
    },
  },
};

/** What every question may be answered with. */
export const answers = {
  200: { description: 'The rows, ascending; `next` is the token of the next page, or null' },
  304: { description: 'Nothing has changed since the `ETag` of `If-None-Match`' },
  400: { description: 'A parameter is wrong; `fields` names it', ...problem },
  404: { description: 'No feed has this symbol', ...problem },
  503: { description: 'The database does not answer: try again', ...problem },
};
