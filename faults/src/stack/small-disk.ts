import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own that can be filled up. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves so many megabytes free. */
  fill(leaveMb: number): void;
  /** Gives the space back. */
  empty(): void;
  unmount(): void;
}

const FILLER = 'filler';

/**
 * Mounts a disk in memory; null where this user may not mount.
 *
 * @param sizeMb What fits on it; memory is taken only as it fills up.
 */
export function mountSmallDisk(sizeMb: number): SmallDisk | null {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmdirSync(folder);
    return null;
  }
  return {
    folder,
    fill(leaveMb) {
      const { bavail, bsize } = statfsSync(folder);
      const bytes = Math.max(0, bavail * bsize - leaveMb * 1_048_576);
      writeFileSync(join(folder, FILLER), Buffer.alloc(bytes, 1));
    },
    empty: () => rmSync(join(folder, FILLER), { force: true }),
    unmount() {
      // Lazy: a server that is just being killed may still have files open.
      execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
      rmdirSync(folder);
    },
  };
}
