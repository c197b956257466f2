import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The user that distroless calls `nonroot`, as the Dockerfile does. */
export const UID = 65_532;

/**
 * Why nothing can be run as an image here, or null: it takes root, for it makes a file system and gives up its
 * rights.
 */
export function whyNoSandbox(): string | null {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'it needs root';
  const tried = spawnSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs none /mnt'], {
    encoding: 'utf8',
  });
  return tried.status === 0 ? null : 'this machine lets nobody make a mount namespace';
}

/**
 * Runs Node as the image does: the files of the image, Node and the C libraries are all there is, everything is
 * read-only, there is no shell, and the user is nobody. The network is this machine's.
 *
 * @param app The folder that is `/app`.
 * @param args What Node is told; the working folder is `/app`.
 */
export function runAsImage(
  app: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { readonly child: ChildProcess; readonly end: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'kandle-image-'));
  const node = realpathSync(process.execPath);
  const files = librariesOf(node);
  const script = [
    'set -e',
    `mount -t tmpfs -o size=64m,mode=755 tmpfs ${root}`,
    `cd ${root}`,
    'mkdir -p app nodejs/bin dev etc proc tmp',
    // One by one: `cp` follows links, so that a library is a file under the name it is asked for.
    ...files.map((file) => `mkdir -p .${dirname(file)} && cp -L ${file} .${file}`),
    'cp -L /etc/hosts /etc/resolv.conf etc/ 2>/dev/null || true',
    `touch nodejs/bin/node && mount --bind ${node} nodejs/bin/node`,
    `mount --bind ${app} app && mount -o remount,ro,bind app`,
    'for one in null urandom; do touch dev/$one && mount --bind /dev/$one dev/$one; done',
    'mount --bind /proc proc',
    `mount -o remount,ro ${root}`,
    // No way back to more rights, as allowPrivilegeEscalation: false means it.
    `exec setpriv --no-new-privs --clear-groups unshare --root=${root} --wd=/app --setgid ${UID} --setuid ${UID} /nodejs/bin/node "$@"`,
  ].join('\n');
  const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...args], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return {
    child,
    end() {
      child.kill('SIGKILL');
      // The mounts went with the namespace: only the empty folder is left.
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function librariesOf(program: string): readonly string[] {
  const text = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? '');
}

/** A folder with one file `index.cjs`, for tests of the sandbox itself. */
export function programFolder(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-program-'));
  writeFileSync(join(folder, 'index.cjs'), text);
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  return folder;
}
