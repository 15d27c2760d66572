import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { readClient, registerClient, updateClient } from '@oa/registration';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';

const ASKED = ['http://127.0.0.1/callback', 'http://[::1]/callback'];
const SECRET = 'PLANTED-SECRET';

const metadataOf = (server: ScriptedServer): AuthorizationServer => ({
  issuer: server.origin,
  token_endpoint: `${server.origin}/token`,
  registration_endpoint: `${server.origin}/register`,
});

/** A server that answers every request with the registration of `c1` and `members`. */
async function startHostileServer(members: Record<string, unknown>): Promise<ScriptedServer> {
  return startScriptedServer(() => ({ json: { client_id: 'c1', client_secret: SECRET, ...members } }));
}

it.each([
  ['another path', ['http://127.0.0.1/callback/honest']],
  ['another host', ['http://127.0.0.1.evil.example/callback']],
  ['another loopback host', ['http://localhost/callback']],
  ['another scheme', ['https://127.0.0.1/callback']],
  ['a port that does not exist', ['http://127.0.0.1:99999/callback']],
  ['a user name', ['http://evil@127.0.0.1/callback']],
  ['one more than was asked for', [...ASKED, 'https://evil.example/callback']],
  ['no URL at all', ['\u001B[31m']],
])(
  'refuses a registration for a redirect URI that was not asked for: %s (RFC 9700 section 4.4)',
  async (_name, uris) => {
    await using server = await startHostileServer({ redirect_uris: uris });
    const error = await rejectionOf(registerClient(metadataOf(server), { redirect_uris: ASKED }));
    expect(error).toMatchObject({ code: 'invalid_response', retryable: false });
    expect(error.message).toMatch(/redirect_uris/);
    expect(inspectAll(error)).not.toContain(SECRET);
  },
);

it.each([
  ['the URIs that were asked for', ASKED],
  ['fewer of them', ASKED.slice(1)],
  ['none', []],
  ['one with a port', ['http://127.0.0.1:8400/callback']],
])('accepts a registration for %s (RFC 8252 section 7.3)', async (_name, uris) => {
  await using server = await startHostileServer({ redirect_uris: uris });
  expect((await registerClient(metadataOf(server), { redirect_uris: ASKED })).redirect_uris).toEqual(uris);
});

it('refuses redirect URIs for a client that asked for none', async () => {
  await using server = await startHostileServer({ redirect_uris: ASKED });
  expect((await rejectionOf(registerClient(metadataOf(server), {}))).code).toBe('invalid_response');
});

it('refuses redirect URIs that the client never had, when it is read or updated', async () => {
  await using server = await startHostileServer({ redirect_uris: ['http://127.0.0.1/callback/honest'] });
  const registered = {
    client_id: 'c1',
    redirect_uris: ASKED,
    registration_client_uri: `${server.origin}/register/c1`,
    registration_access_token: 'rat',
  };
  expect((await rejectionOf(readClient(registered))).code).toBe('invalid_response');
  expect((await rejectionOf(updateClient(registered, registered))).code).toBe('invalid_response');
  const wanted = { ...registered, redirect_uris: ['http://127.0.0.1/callback/honest'] };
  expect((await updateClient(registered, wanted)).redirect_uris).toEqual(wanted.redirect_uris);
  const { redirect_uris: _, ...unknown } = registered;
  expect((await readClient(unknown)).redirect_uris).toEqual(wanted.redirect_uris);
});

it.each([
  ['client_id', 'c1\u001B[2J'],
  ['client_id', 'c\u202E1'],
  ['client_secret', `${SECRET}\r\nx: y`],
  ['registration_access_token', `${SECRET}\n`],
  ['registration_access_token', `${SECRET} x`],
])(
  'refuses a registration whose %s has characters that no request can carry (RFC 6749 appendix A)',
  async (name, value) => {
    await using server = await startHostileServer({ [name]: value });
    const error = await rejectionOf(registerClient(metadataOf(server), { redirect_uris: ASKED }));
    expect(error.code).toBe('invalid_response');
    expect(error.message).toContain(name);
    for (const planted of ['PLANTED', '\u001B', '\u202E']) expect(inspectAll(error)).not.toContain(planted);
  },
);
