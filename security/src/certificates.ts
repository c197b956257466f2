// @peculiar/x509 needs it, and leaves it to whoever starts.
// oxlint-disable-next-line import/no-unassigned-import
import 'reflect-metadata';
import { isIP } from 'node:net';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its key, both as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority: what it signs with, and its certificate as PEM. */
export interface Authority {
  readonly certificate: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly subject: string;
}

// Kafka and Cassandra read it without more, and so does every client.
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const VALID_MS = 10 * 365 * 86_400_000;
/** Clocks of two machines differ. */
const BEFORE_MS = 3_600_000;

/** Makes an authority; its key lives as long as the process, so that nobody signs with it later. */
export async function createAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const subject = `CN=${name} authority`;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject,
    ...validity(),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, keys, subject };
}

/** Issues the certificate of a server that is reached by these names and addresses. */
export async function issueCertificate(
  authority: Authority,
  name: string,
  hosts: readonly string[],
): Promise<Certificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: authority.subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      // Cassandra's nodes talk to one another with it, too.
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = key.match(/.{1,64}/g) ?? [];
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

function validity() {
  const nowMs = Date.now();
  return { notBefore: new Date(nowMs - BEFORE_MS), notAfter: new Date(nowMs + VALID_MS) };
}
