import * as z from 'zod/mini';

/**
 * Keeps schemas from being made into code. zod tries whether it may, which the page's policy refuses and the
 * browser reports: so this comes before the first schema is used.
 */
export function forbidEval(): void {
  z.config({ jitless: true });
}
