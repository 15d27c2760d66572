// How the clients of a test authenticate, as JSON can hold it: two processes make the same function of it.
import {
  clientAssertion,
  clientSecretJwt,
  privateKeyJwt,
  signJwt,
  tlsClientAuth,
  type AuthenticationOption,
  type SigningJwk,
} from '@oa/client-authentication';
import type { Credentials } from '@oa/manager';
import { Agent, fetch as undiciFetch } from 'undici';

/** A method, with what it needs besides the client. */
export type Authentication =
  | { method: 'none' | 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt' }
  | { method: 'private_key_jwt'; key: SigningJwk; alg: 'RS256' | 'ES256' | 'EdDSA' }
  /** The assertions are of a source of the caller. */
  | { method: 'clientAssertion'; key: SigningJwk; client_id: string }
  /** The texts of PEM files. */
  | { method: 'tls_client_auth'; certificate: { key: string; cert: string; ca: string } };

/** One session of a program, for another process that ends it. */
export interface SessionJob {
  directory: string;
  issuer: string;
  credentials: Credentials;
  authentication: Authentication;
}

/** What came of the job: how the token was got, and whether one was revoked. Else the error. */
export type SessionEnd = { events: string[]; access_token: string; loggedOut: boolean } | { error: string };

/** The value of the option `authentication`. */
export function toOption(used: Authentication): AuthenticationOption {
  switch (used.method) {
    case 'private_key_jwt':
      return privateKeyJwt(used.key, { alg: used.alg });
    case 'client_secret_jwt':
      return clientSecretJwt();
    case 'clientAssertion':
      return clientAssertion(({ audience }) => signAssertion(used, audience));
    case 'tls_client_auth':
      return tlsClientAuth({ fetch: fetchWith(used.certificate) });
    case 'none':
    case 'client_secret_basic':
    case 'client_secret_post':
    default:
      return used.method;
  }
}

function signAssertion({ key, client_id }: { key: SigningJwk; client_id: string }, aud: string): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 60;
  return signJwt({}, { iss: client_id, sub: client_id, aud, jti: crypto.randomUUID(), exp }, key);
}

function fetchWith(connect: { key: string; cert: string; ca: string }): typeof fetch {
  const dispatcher = new Agent({ connect });
  return (url, init) =>
    undiciFetch(url as string, { ...(init as object), dispatcher }) as unknown as ReturnType<typeof fetch>;
}
