import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { Client } from '@oa/types';
import { expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { newMetadata, ODD_SECRET } from './requests.ts';

const grant = { grant_type: 'client_credentials' };

async function adviceFor(client: Client, methods?: string[]): Promise<string> {
  await using server = await startScriptedServer(() => ({ status: 401, json: { error: 'invalid_client' } }));
  const metadata = newMetadata(server, methods);
  const { message } = await rejectionOf(postGrant(metadata, client, grant));
  return message
    .replace(`${server.origin}/token refused the request with invalid_client. `, '')
    .replace(metadata.issuer, 'ISSUER');
}

it('says after a refused secret what to check, and which methods were tried (RFC 6749 section 5.2)', async () => {
  expect(await adviceFor({ client_id: 'c', client_secret: 'simple' })).toBe(
    'Check the client_id, the client_secret (has it expired or been replaced?), and that the client is registered at ISSUER (the right tenant or realm). The authentication method was client_secret_basic.',
  );
  expect(await adviceFor({ client_id: 'c', client_secret: ODD_SECRET })).toMatch(
    /The authentication method was client_secret_basic, then client_secret_basic without the form-encoding, then client_secret_post\.$/,
  );
});

it('asks a client without a secret whether the environment variable is set', async () => {
  for (const client of [{ client_id: 'c' }, { client_id: 'c', client_secret: '' }])
    expect(await adviceFor(client)).toBe(
      'Check the client_id, whether this client needs a client_secret (if it comes from an environment variable, is the variable set?), and that the client is registered at ISSUER (the right tenant or realm).',
    );
});

it.each<[string, Client, string[] | undefined, string]>([
  ['the server lists keys', { client_id: 'c' }, ['client_secret_basic', 'private_key_jwt'], 'privateKeyJwt(key)'],
  [
    'the client is registered for a certificate',
    { client_id: 'c', token_endpoint_auth_method: 'self_signed_tls_client_auth' },
    undefined,
    'tlsClientAuth({ fetch })',
  ],
])('names the function for a client without a secret, where %s', async (_, client, methods, name) => {
  expect(await adviceFor(client, methods)).toContain(
    `pass the option \`authentication\`: ${name} of @oa/client-authentication.`,
  );
});

it('names no function where the server lists none, and where clients need none', async () => {
  for (const methods of [['client_secret_basic'], ['none', 'private_key_jwt']])
    expect(await adviceFor({ client_id: 'c' }, methods)).not.toContain('pass the option');
});

it('says when the secret has expired, and that it has a line break at its end', async () => {
  const client = { client_id: 'c', client_secret: 's' };
  expect(await adviceFor({ ...client, client_secret_expires_at: 1_700_000_000 })).toContain(
    ' It expired at 2023-11-14T22:13:20Z. ',
  );
  for (const client_secret_expires_at of [0, 99_999_999_999])
    expect(await adviceFor({ ...client, client_secret_expires_at })).not.toContain('expired at');
  expect(await adviceFor({ client_id: 'c', client_secret: 's\n' })).toContain(
    ' It starts or ends with a space or a line break. ',
  );
});

it.each([
  [401, true],
  [400, false],
  [403, false],
])('says so for a bare %i: %s, because a gateway can refuse a request too', async (status, expected) => {
  await using server = await startScriptedServer(() => ({ status }));
  const client = { client_id: 'c', client_secret: 'simple' };
  const { message } = await rejectionOf(postGrant(newMetadata(server), client, grant));
  expect(message.includes('Check the client_id')).toBe(expected);
});
