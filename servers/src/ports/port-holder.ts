import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Who listens on a port, as `pid 123 (java)`; undefined where that cannot be seen (not Linux, another user's
 * process).
 */
export function findPortHolder(port: number): string | undefined {
  try {
    const inodes = listeningInodes(port);
    return inodes.size === 0 ? undefined : findOwnerOf(inodes);
  } catch {
    return undefined;
  }
}

function listeningInodes(port: number): Set<string> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const listening = rows
    .map((row) => row.trim().split(/\s+/))
    // Columns: slot, local address, remote address, state (0A is LISTEN), …, inode.
    .filter((columns) => columns[1]?.endsWith(`:${hexPort}`) === true && columns[3] === '0A');
  return new Set(listening.map((columns) => `socket:[${columns[9]}]`));
}

function findOwnerOf(sockets: ReadonlySet<string>): string | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (listOpenFiles(pid).some((file) => sockets.has(file))) {
      return `pid ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`;
    }
  }
  return undefined;
}

function listOpenFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
