import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ClusterError } from './cluster-error.ts';
import { textOf } from './json-value.ts';
import type { JsonRecord } from './json-value.ts';
import type { ResolvedConfig } from './resolve-config.ts';

/** PEM texts; null for what the kubeconfig does not have. */
export interface TlsMaterial {
  readonly authority: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
}

/**
 * Reads certificates and keys once, before the first request, so that what is wrong with them is said by name instead
 * of as a failed handshake. Data in the kubeconfig goes before a file, as in kubectl.
 * @throws ClusterError for an unreadable file, data that is not what it should be, an expired client certificate
 */
export async function readTlsMaterial(config: ResolvedConfig): Promise<TlsMaterial> {
  const { cluster, clusterName, user, userName } = config;
  const [authority, certificate, key] = await Promise.all([
    pem(cluster, 'certificate-authority', clusterName),
    pem(user, 'client-certificate', userName),
    pem(user, 'client-key', userName),
  ]);
  if (authority !== null) readCertificate(authority, 'certificate-authority', clusterName);
  if (certificate !== null && key === null) {
    throw wrong(
      `client-key-data or client-key must be specified for ${userName} to use the clientCert authentication method.`,
    );
  }
  if (certificate !== null && key !== null) checkPair(certificate, key, userName);
  return { authority, certificate, key };
}

async function pem(record: JsonRecord, key: string, owner: string): Promise<string | null> {
  const data = textOf(record[`${key}-data`]);
  if (data !== '') {
    if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(data)) throw wrong(`${key}-data of "${owner}" is not base64`);
    return Buffer.from(data, 'base64').toString('utf8');
  }
  const path = textOf(record[key]);
  if (path === '') return null;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ClusterError(`unable to read ${key} ${path} for ${owner} due to ${why}`, `ls -l ${path}`, {
      cause: error,
    });
  }
}

function readCertificate(text: string, key: string, owner: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw wrong(`${key} of "${owner}" is not a PEM certificate`, error);
  }
}

function checkPair(certificate: string, key: string, owner: string): void {
  const parsed = readCertificate(certificate, 'client-certificate', owner);
  let matches: boolean;
  try {
    matches = parsed.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw wrong(`client-key of "${owner}" is not an unencrypted PEM private key`, error);
  }
  if (!matches) throw wrong(`client-certificate and client-key of "${owner}" do not belong together`);
  checkValidity(parsed, owner, Date.now());
}

function checkValidity(certificate: X509Certificate, owner: string, now: number): void {
  const { validFromDate, validToDate } = certificate;
  if (validToDate.getTime() < now) {
    throw new ClusterError(
      `the client certificate of "${owner}" expired at ${validToDate.toISOString()}`,
      'Get new credentials for the cluster; if the date looks right, check the clock of this machine.',
    );
  }
  if (validFromDate.getTime() > now) {
    throw new ClusterError(
      `the client certificate of "${owner}" is not valid before ${validFromDate.toISOString()}`,
      'Check the clock of this machine.',
    );
  }
}

function wrong(message: string, cause?: unknown): ClusterError {
  return new ClusterError(message, 'kubectl config view --raw --minify', { cause });
}
