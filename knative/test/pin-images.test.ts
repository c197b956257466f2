import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { workloadsOf } from '../src/workloads.ts';
import { hasKubectl, KNATIVE, render } from '../check/render.ts';
import { parseRendered } from '../check/rules.ts';

const NAME = '.test-pin';
const OVERLAY = join(KNATIVE, 'overlays', NAME);
const PINNED = `${OVERLAY}-pinned`;
/** Without crane and skopeo, which a machine may have or not: what is tried is what every machine can do. */
const TOOLS = 'bash cat curl cut dirname env grep head kubectl mkdir mktemp mv rm sed sha256sum sort'.split(
  ' ',
);
/** The manifest that a registry has for an image: any bytes do, for their sum is the image's name. */
const manifestOf = (path: string): string => JSON.stringify({ schemaVersion: 2, of: path });

describe.skipIf(!hasKubectl())('pin-images.sh', () => {
  const tools = mkdtempSync(join(tmpdir(), 'kandle-tools-'));
  let registry = '';
  let asked: string[] = [];
  let isThere: (path: string) => boolean = () => true;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    // Asked without the right types, a registry answers in an old form, which has another sum.
    const isRight = String(request.headers.accept).includes('application/vnd.oci.image.index.v1+json');
    const isFound = isThere(path) && isRight;
    response.writeHead(isFound ? 200 : 404, { 'docker-content-digest': 'sha256:another' });
    response.end(isFound ? manifestOf(path) : '{"errors":[]}');
  });

  beforeAll(async () => {
    for (const tool of TOOLS)
      symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(tools, tool));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    registry = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    cpSync(join(KNATIVE, 'overlays', 'production'), OVERLAY, { recursive: true });
  });
  beforeEach(() => {
    asked = [];
    isThere = () => true;
    rmSync(PINNED, { recursive: true, force: true });
  });
  afterAll(() => {
    server.close();
    for (const folder of [OVERLAY, PINNED, tools]) rmSync(folder, { recursive: true, force: true });
  });

  const pin = (...args: readonly string[]) =>
    promisify(execFile)(join(KNATIVE, 'pin-images.sh'), ['--overlay', NAME, '--plain-http', ...args], {
      env: { PATH: tools, HOME: process.env['HOME'] },
    });

  test('writes an overlay in which every image is named by the sum of what the registry has', async () => {
    await pin('--registry', registry, '--tag', '1.2.3');
    const images = workloadsOf(parseRendered(render(PINNED)).manifests).map(
      ({ container }) => container.image,
    );
    expect(images.length).toBeGreaterThan(8);
    for (const image of images) {
      const part = /kandle\/([a-z-]+)@/.exec(image)?.[1];
      const manifest = manifestOf(`/v2/kandle/${part}/manifests/1.2.3`);
      const sum = createHash('sha256').update(manifest).digest('hex');
      expect(image).toBe(`${registry}/kandle/${part}@sha256:${sum}`);
    }
    expect(asked.every((path) => path.endsWith('/manifests/1.2.3'))).toBe(true);
  });

  test('writes nothing, when the registry has not all of them', async () => {
    isThere = (path) => !path.includes('/persist/');
    await expect(pin('--registry', registry)).rejects.toThrow(
      /the registry does not answer for .*\/kandle\/persist:0\.1\.0/,
    );
    expect(existsSync(PINNED)).toBe(false);
  });

  test('says so, when there is no such overlay', async () => {
    await expect(pin('--overlay', 'none')).rejects.toThrow(/there is no overlay 'none'/);
  });
});
