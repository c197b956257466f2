import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@kandle/servers/ports/ports';

/** A real Kubernetes API server on its own etcd, and nothing else of Kubernetes: no node, no controller. */
export interface ApiServer {
  /** Its administrator's, with the token; the context is `kandle`. */
  readonly kubeconfig: string;
  /** Its API without a login, for this test alone. */
  readonly url: string;
  end(): Promise<void>;
}

/**
 * Starts one.
 *
 * @param program kube-apiserver; `etcd` and `kubectl` are found by their names.
 * @param token What its administrator logs in with.
 */
export async function startApiServer(program: string, token: string, folder: string): Promise<ApiServer> {
  mkdirSync(folder, { recursive: true });
  const children: ChildProcess[] = [];
  const start = (name: string, command: string, args: readonly string[]): void => {
    const log = openSync(join(folder, `${name}.log`), 'a');
    children.push(spawn(command, args, { stdio: ['ignore', log, log] }));
  };
  const end = async (): Promise<void> => {
    for (const child of children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  };
  const [etcd, peer, port, proxy] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const key = join(folder, 'accounts.key');
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' });
  writeFileSync(join(folder, 'tokens'), `${token},admin,admin,system:masters\n`);
  const kubeconfig = join(folder, 'kubeconfig');
  const certificates = join(folder, 'certificates');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'kandle',
          cluster: {
            server: `https://127.0.0.1:${port}`,
            'certificate-authority': join(certificates, 'apiserver.crt'),
          },
        },
      ],
      users: [{ name: 'admin', user: { token } }],
      contexts: [{ name: 'kandle', context: { cluster: 'kandle', user: 'admin' } }],
    }),
  );
  try {
    start('etcd', 'etcd', [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${etcd}`,
      `--advertise-client-urls=http://127.0.0.1:${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=default=http://127.0.0.1:${peer}`,
    ]);
    start('kube-apiserver', program, [
      `--etcd-servers=http://127.0.0.1:${etcd}`,
      '--bind-address=127.0.0.1',
      // Nobody is told where it is.
      '--advertise-address=192.0.2.1',
      '--endpoint-reconciler-type=none',
      `--secure-port=${port}`,
      `--cert-dir=${certificates}`,
      `--token-auth-file=${join(folder, 'tokens')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kandle.test',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      // No controller makes the accounts that it wants of every pod.
      '--disable-admission-plugins=ServiceAccount',
    ]);
    const endMs = performance.now() + 240_000;
    for (;;) {
      try {
        execFileSync('kubectl', ['--kubeconfig', kubeconfig, '--context=kandle', 'get', '--raw=/readyz'], {
          stdio: 'ignore',
        });
        break;
      } catch (error) {
        if (performance.now() > endMs) throw error;
        await sleep(500);
      }
    }
    start('proxy', 'kubectl', ['--kubeconfig', kubeconfig, '--context=kandle', 'proxy', `--port=${proxy}`]);
    const url = `http://127.0.0.1:${proxy}`;
    while (!(await fetch(`${url}/version`).catch(() => null))?.ok) await sleep(100);
    return { kubeconfig, url, end };
  } catch (error) {
    await end();
    throw error;
  }
}
