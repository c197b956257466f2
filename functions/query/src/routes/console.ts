import type { AddRoute } from './query-deps.ts';

/** The console's page, at `/` and below `/console/`; no part of the described interface. */
export const addConsole: AddRoute = (app, { page }) => {
  if (page === null) return;
  for (const path of ['/', '/console/:file'])
    app.get(path, (c) => {
      const answer = page.answer(c.req.path, {
        acceptEncoding: c.req.header('accept-encoding') ?? '',
        ifNoneMatch: c.req.header('if-none-match') ?? '',
      });
      return answer ?? c.notFound();
    });
};
