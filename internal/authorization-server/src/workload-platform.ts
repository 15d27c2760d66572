import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { closeServer, listen } from '@oa-internal/testing/server';
import type { JWK } from 'jose';
import { createSign, toPublic } from './assertion-grants.ts';

const NAMESPACE = 'jobs';
const SERVICE_ACCOUNT = 'report';

/** A platform that gives the jobs that it runs a token in a file, as Kubernetes does. */
export interface WorkloadPlatform {
  /** The issuer of the tokens, on loopback. It publishes its public key at `/jwks`. */
  issuer: string;
  /** The file that the job reads. */
  tokenFile: string;
  /**
   * Replaces the token in the file by a new one, at once for every reader.
   *
   * @param audience the issuer of the server that the token is for
   * @param lifetime seconds, 600 by default
   * @returns the token
   */
  renew(audience: string, lifetime?: number): Promise<string>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a platform that writes its tokens, with mode 0600, into `directory`. A server trusts it with `trusts: [platform.issuer]`. */
export async function startWorkloadPlatform(directory: string): Promise<WorkloadPlatform> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key: JWK = { ...privateKey.export({ format: 'jwk' }), kty: 'EC', kid: randomUUID() };
  const http = createServer((request, response) => {
    const isKnown = request.url === '/jwks';
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isKnown ? { keys: [toPublic(key)] } : { error: 'not_found' }));
  });
  const issuer = await listen(http);
  const sign = createSign(issuer, key);
  const tokenFile = join(directory, 'token');

  const close = (): Promise<void> => closeServer(http);
  return {
    issuer,
    tokenFile,
    renew: async (audience, lifetime = 600) => {
      const token = await sign(
        { typ: 'JWT' },
        {
          sub: `system:serviceaccount:${NAMESPACE}:${SERVICE_ACCOUNT}`,
          aud: [audience],
          exp: Math.floor(Date.now() / 1000) + lifetime,
          'kubernetes.io': { namespace: NAMESPACE, serviceaccount: { name: SERVICE_ACCOUNT } },
        },
      );
      await writeFile(`${tokenFile}.new`, token, { mode: 0o600 });
      await rename(`${tokenFile}.new`, tokenFile);
      return token;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
