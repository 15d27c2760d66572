import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { clientCredentials } from '@oa/client-credentials';

const client = { client_id: 'c', client_secret: 'planted-secret-0123456789' };
const HTML: Reply = { body: '<!doctype html><title>Welcome</title>', headers: { 'content-type': 'text/html' } };

/** The metadata of a server whose issuer lacks its realm: nothing was published, so the endpoints are guessed. */
function guessedServer(origin: string): AuthorizationServer {
  const asked = ['oauth-authorization-server', 'openid-configuration'].map((name) => `${origin}/.well-known/${name}`);
  return { issuer: origin, token_endpoint: `${origin}/token`, guessed_after: asked };
}

it.each<[string, Reply, string]>([
  ['404', { status: 404 }, 'answered with status 404.'],
  ['404 with a page', { status: 404, ...HTML }, 'answered with status 404.'],
  ['405', { status: 405 }, 'answered with status 405.'],
  ['a page', HTML, 'answered with something other than JSON, such as a web page.'],
  ['an empty 200', {}, 'answered with an empty body instead of JSON.'],
  ['other JSON', { json: { hello: 1 } }, 'Member access_token is missing; the answer has hello.'],
  ['a redirect', { status: 302, headers: { location: '/login' } }, 'redirects a request that carries credentials.'],
  ['a dropped connection', { drop: 'request' }, 'The connection to '],
  ['429', { status: 429, headers: { 'retry-after': '900' } }, 'The server asks to wait 900 seconds'],
])(
  'says after %s that the endpoint was guessed, and which metadata addresses were asked',
  async (_, reply, problem) => {
    await using server = await startScriptedServer(() => reply);
    const guessed = guessedServer(server.origin);
    const error = await rejectionOf(clientCredentials(guessed, client, {}, { timeout: 10_000 }));
    expect(error.message).toMatch(/^No metadata at .*, so the conventional endpoints are guessed\. /);
    for (const asked of guessed.guessed_after ?? []) expect(error.message).toContain(asked);
    expect(error.message).toContain(problem);
    expect(error.message).toMatch(/Is the issuer complete \(realm, tenant\)\?$/);
    expect(inspectAll(error)).not.toMatch(/planted-secret|0123456789/);
  },
);

it('says so where nothing listens, and after a refusal of the client', async () => {
  const server = await startScriptedServer(() => ({ status: 401, json: { error: 'invalid_client' } }));
  const guessed = guessedServer(server.origin);
  const refusal = await rejectionOf(clientCredentials(guessed, client));
  expect(refusal.message).toMatch(
    /^No metadata at .* are guessed\. .* invalid_client\. Check the client_id, .* tenant/,
  );
  await server.close();
  const failure = await rejectionOf(clientCredentials(guessed, client));
  expect(failure.message).toMatch(/^No metadata at .* are guessed\. .*\(ECONNREFUSED\)/);
});
