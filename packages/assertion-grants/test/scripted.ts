import { startScriptedServer, type Reply, type ScriptedServer, type Script } from '@oa-internal/scripted-server';
import type { AuthorizationServer } from '@oa/types';
import { onTestFinished } from 'vitest';

export const TYPE = 'urn:ietf:params:oauth:token-type:';
export const NOW_MS = 1_800_000_000_000;
export const now = (): number => NOW_MS;
export const client = { client_id: 'c', client_secret: 'planted-secret-0123456789' };

/** A JWT whose signature is not valid. */
export function unsignedJwt(claims: object, name = 'planted-jwt'): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'ES256', kid: name })}.${encode({ note: 'ä → ö', ...claims })}.planted-signature`;
}

/** A token endpoint that is closed after the test. A reply is given again and again; of several, one after the other. */
export async function startTokenEndpoint(
  ...replies: [Reply | Script, ...Reply[]]
): Promise<{ server: ScriptedServer; metadata: AuthorizationServer; forms: () => Record<string, string>[] }> {
  const [first, ...others] = replies;
  const all = [first, ...others];
  const server = await startScriptedServer((request, index) => {
    const reply = all[Math.min(index, all.length - 1)];
    return typeof reply === 'function' ? reply(request, index) : reply;
  });
  onTestFinished(() => server.close());
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  return { server, metadata, forms: () => server.requests.map(({ form }) => Object.fromEntries(form)) };
}

export function issued(members: object = {}): Reply {
  return { json: { access_token: 'at', token_type: 'Bearer', expires_in: 3600, ...members } };
}

export function exchanged(members: object = {}): Reply {
  return issued({ issued_token_type: `${TYPE}access_token`, ...members });
}

export function refused(error: string, error_description?: string): Reply {
  return { status: 400, json: { error, error_description } };
}
