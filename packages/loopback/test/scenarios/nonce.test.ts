import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { RequestParameters } from '@oa/types';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callbackUrl, followCallback, metadata, startLogin, type StartedLogin } from '../help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
});
afterAll(() => scripted.close());

/** An ID token with these claims. The login does not verify its signature. */
function idTokenWith(claims: unknown): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'RS256' })}.${encode(claims)}.AA`;
}

/** Logs in at a server whose answer holds the ID token that `idToken` makes of the nonce. */
async function logIn(parameters: RequestParameters, idToken: (nonce: string | null) => unknown): Promise<StartedLogin> {
  const started = startLogin(metadata(scripted), parameters);
  const waiting = await started.waiting;
  const nonce = new URL(waiting.url).searchParams.get('nonce');
  const json = { access_token: 'PLANTED-AT', token_type: 'Bearer', id_token: idToken(nonce) };
  scripted.script({ '/token': { json } });
  await followCallback(callbackUrl(waiting, { code: 'c' }));
  return started;
}

it('returns the token if its ID token has the nonce of this login', async () => {
  const { token } = await logIn({ scope: 'read openid' }, (nonce) => idTokenWith({ nonce }));
  expect(await token).toMatchObject({ access_token: 'PLANTED-AT' });
});

it.each<[string, (nonce: string | null) => unknown]>([
  ['another nonce', () => idTokenWith({ nonce: 'PLANTED-NONCE' })],
  ['no nonce', () => idTokenWith({ sub: 'PLANTED-SUB' })],
  ['a nonce in an array', (nonce) => idTokenWith({ nonce: [nonce] })],
  ['no claims', () => 'PLANTED-OPAQUE'],
])('refuses the token if its ID token has %s (OpenID Connect Core section 3.1.3.7)', async (_name, idToken) => {
  const { token, events } = await logIn({ scope: 'openid' }, idToken);
  const error = await rejectionOf(token);
  expect(error).toMatchObject({ code: 'invalid_id_token', retryable: false });
  expect(inspectAll(error)).not.toContain('PLANTED');
  expect(events.map(({ type }) => type)).not.toContain('code_exchanged');
});

it.each([undefined, null, ''])('accepts a server without ID tokens: %j', async (id_token) => {
  const { token } = await logIn({ scope: 'openid' }, () => id_token);
  expect(await token).toMatchObject({ access_token: 'PLANTED-AT' });
});

it('sends and compares no nonce without the scope openid', async () => {
  const nonces: (string | null)[] = [];
  const { token } = await logIn({ scope: 'openidish' }, (nonce) => {
    nonces.push(nonce);
    return idTokenWith({ nonce: 'another' });
  });
  expect(await token).toMatchObject({ access_token: 'PLANTED-AT' });
  expect(nonces).toEqual([null]);
});

it('sends another nonce with each login', async () => {
  const nonces = new Set<string | null>();
  for (const _ of [1, 2]) {
    const { token } = await logIn({ scope: 'openid' }, (nonce) => {
      nonces.add(nonce);
      return idTokenWith({ nonce });
    });
    await token;
  }
  expect(nonces.size).toBe(2);
});
