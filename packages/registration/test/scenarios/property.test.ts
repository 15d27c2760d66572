import { startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll } from '@oa-internal/testing';
import { attempt, type Client, type Result } from '@oa/types';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { readClient, registerClient } from '@oa/registration';

const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 100);
const SENT = 'PLANTED-IAT';
const RECEIVED = 'PLANTED-SECRET';

const text = fc.oneof(fc.string(), fc.webUrl(), fc.constantFrom('', 'c1', '0', RECEIVED));
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

/** Lists what is wrong in a result: a client that is not in the response, or an error that shows a secret. */
function wrongIn(result: Result<Client>, body: string): unknown {
  if (!result.ok) {
    const shown = inspectAll(result.error);
    return [SENT, RECEIVED].filter((secret) => shown.includes(secret));
  }
  const { client_id, client_secret } = result.value;
  const answered = JSON.parse(body) as Partial<Client>;
  return [
    client_id !== answered.client_id,
    client_secret !== undefined && client_secret !== answered.client_secret,
  ].filter(Boolean);
}

it('property: a registration resolves with the client of the response, or rejects with an OAuthError without a secret', async () => {
  let answer = { status: 200, body: '', headers: {} };
  await using server = await startScriptedServer(() => answer);
  const endpoint = {
    issuer: server.origin,
    token_endpoint: server.origin,
    registration_endpoint: `${server.origin}/register`,
  };
  const managed = { client_id: 'c1', registration_client_uri: server.origin, registration_access_token: SENT };
  await fc.assert(
    fc.asyncProperty(
      body,
      fc.constantFrom(200, 201, 400),
      fc.constantFrom('application/json', 'text/html'),
      async (body, status, type) => {
        answer = { status, body, headers: { 'content-type': type } };
        expect(wrongIn(await attempt(registerClient(endpoint, {}, { initialAccessToken: SENT })), body)).toEqual([]);
        expect(wrongIn(await attempt(readClient(managed)), body)).toEqual([]);
      },
    ),
    { numRuns: runs },
  );
}, 600_000);
