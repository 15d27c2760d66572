import { startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll } from '@oa-internal/testing';
import { attempt, type Client, type Result } from '@oa/types';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { deleteClient, readClient, registerClient, updateClient } from '@oa/registration';

const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 100);
const SENT = 'PLANTED-IAT';
const RECEIVED = 'PLANTED-SECRET';
const REDIRECT_URIS = ['http://127.0.0.1/callback', 'http://[::1]/callback'];

const text = fc.oneof(
  fc.string(),
  fc.webUrl(),
  fc.constantFrom('', 'c1', '0', RECEIVED, ...REDIRECT_URIS, 'http://127.0.0.1:99999/callback', 'http://127.0.0.1:1/'),
);
const value = fc.oneof(text, fc.jsonValue({ maxDepth: 3 }), fc.array(text, { maxLength: 3 }), fc.double());
const member = fc.constantFrom(
  'client_id',
  'client_secret',
  'client_secret_expires_at',
  'registration_client_uri',
  'registration_access_token',
  'redirect_uris',
  'scope',
  '__proto__',
  'toString',
);
const body = fc.oneof(
  fc.dictionary(member, value, { maxKeys: 6 }).map((document) => JSON.stringify(document)),
  fc
    .dictionary(member, value)
    .map((document) => JSON.stringify({ ...document, client_id: 'c1', client_secret: RECEIVED })),
  fc.json(),
  fc.string({ unit: 'binary' }),
);

function isOwnAddress(address: string, origin: string): boolean {
  const url = new URL(address);
  return url.protocol === 'https:' || url.origin === origin;
}

/** Lists what is wrong in a result: a member that is not in the response or can't be used, or an error that shows a secret. */
function wrongIn(result: Result<Client>, body: string, origin: string): unknown {
  if (!result.ok) {
    const shown = inspectAll(result.error);
    return [SENT, RECEIVED].filter((secret) => shown.includes(secret));
  }
  const { client_id, client_secret, redirect_uris, registration_client_uri, registration_access_token } = result.value;
  const answered = JSON.parse(body) as Partial<Client>;
  return [
    client_id !== answered.client_id,
    client_secret !== undefined && client_secret !== answered.client_secret,
    !redirect_uris?.every((uri) => REDIRECT_URIS.includes(uri)) && redirect_uris !== undefined,
    registration_client_uri !== undefined && !isOwnAddress(registration_client_uri, origin),
    !/^[\x21-\x7e]*$/.test(registration_access_token ?? ''),
  ].flatMap((wrong, index) => (wrong ? [index] : []));
}

it('property: a request about a client resolves with the client of the response, or rejects with an OAuthError without a secret', async () => {
  let answer = { status: 200, body: '', headers: {} };
  await using server = await startScriptedServer(() => answer);
  const endpoint = {
    issuer: server.origin,
    token_endpoint: server.origin,
    registration_endpoint: `${server.origin}/register`,
  };
  const managed = {
    client_id: 'c1',
    redirect_uris: REDIRECT_URIS,
    registration_client_uri: server.origin,
    registration_access_token: SENT,
  };
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.constantFrom(200, 201, 400),
      fc.constantFrom('application/json', 'text/html'),
      async (body, status, type) => {
        answer = { status, body, headers: { 'content-type': type } };
        const asked = { redirect_uris: REDIRECT_URIS };
        const registered = await attempt(registerClient(endpoint, asked, { initialAccessToken: SENT }));
        expect(wrongIn(registered, body, server.origin)).toEqual([]);
        const [read, updated] = [await attempt(readClient(managed)), await attempt(updateClient(managed, asked))];
        for (const result of [read, updated]) expect(wrongIn(result, body, server.origin)).toEqual([]);
        await attempt(deleteClient(managed));
      },
    ),
    { numRuns: runs },
  );
}, 600_000);
