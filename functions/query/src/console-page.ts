import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { z } from 'zod';

/** The files of the console's page. */
export interface ConsolePage {
  /** The answer to a request for a path; null if no file stands there. */
  answer(
    path: string,
    asked: { readonly acceptEncoding: string; readonly ifNoneMatch: string },
  ): Response | null;
}

const FilesSchema = z.record(
  z.string(),
  z.object({
    type: z.string(),
    etag: z.string(),
    br: z.base64().transform((text) => Buffer.from(text, 'base64')),
  }),
);

/** The page loads from its own host only, and no text of it becomes a program. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
  vary: 'accept-encoding',
};

/**
 * The page in a file that the build has made (`build/console.ts`); empty if there is none, as beside a source.
 * It is read with the first request: most processes are started for a question.
 */
export function readConsolePage(file: string): ConsolePage {
  let files: z.infer<typeof FilesSchema> | null = null;

  function load(): z.infer<typeof FilesSchema> {
    try {
      return FilesSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      return {};
    }
  }

  return {
    answer(path, { acceptEncoding, ifNoneMatch }) {
      files ??= load();
      const found = files[path];
      if (found === undefined) return null;
      const headers = { ...HEADERS, etag: found.etag };
      if (ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === found.etag))
        return new Response(null, { status: 304, headers });
      const isBrotli = /\bbr\b/.test(acceptEncoding);
      return new Response(new Uint8Array(isBrotli ? found.br : brotliDecompressSync(found.br)), {
        headers: {
          ...headers,
          'content-type': found.type,
          ...(isBrotli ? { 'content-encoding': 'br' } : {}),
        },
      });
    },
  };
}
