import type { Token, TokenSourceOptions } from '@oa/types';
import { expect, it } from 'vitest';
import { createFetch } from '@oa/fetch';
import { authorizationsOf, createCountingSource, refuseTokens, startServer } from './servers.ts';

it.each([
  ['no WWW-Authenticate header', undefined],
  ['no error code', 'Bearer realm="api"'],
  ['invalid_token', 'Bearer realm="api", error="invalid_token", error_description="expired"'],
  ['invalid_token without quotes, second challenge', 'DPoP algs="ES256", Bearer error=invalid_token'],
  ['an error inside of a quoted string', 'Bearer realm="error=\\"insufficient_scope\\""'],
  ['invalid_request', 'Bearer error="invalid_request"'],
  ["an error of the API's own", 'Bearer error="token_expired"'],
  ['an empty error', 'Bearer error=""'],
  ['a challenge of another scheme', 'Basic realm="api"'],
  ['an error of another scheme', 'DPoP error="invalid_dpop_proof", Bearer'],
  ['a challenge that breaks the grammar', '"error'],
])('sends a second request after a 401 with %s (RFC 9110 section 15.5.2)', async (_name, challenge) => {
  const server = await startServer(refuseTokens(['token-1'], challenge));
  const { source, rejections } = createCountingSource();
  const response = await createFetch(source)(server.origin, { method: 'POST', body: 'again' });
  expect(await response.json()).toEqual({ token: 'token-2', body: 'again' });
  expect(authorizationsOf(server.requests)).toEqual(['Bearer token-1', 'Bearer token-2']);
  expect(rejections()).toEqual(['token-1']);
});

it.each([
  [401, 'Bearer error="insufficient_scope"'],
  [401, 'Bearer error="insufficient_scope", scope="admin"'],
  [401, 'Bearer error="insufficient_scope", scope="caf\u00e9"'],
  [401, 'Bearer error="invalid_token", Bearer error="insufficient_scope"'],
  [403, 'Bearer error="invalid_token"'],
  [400, 'Bearer error="invalid_request"'],
  [500, undefined],
])('sends no second request after a %i with %s (RFC 6750 section 3.1)', async (status, challenge) => {
  const server = await startServer(() => ({
    status,
    headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
  }));
  const { source, rejections } = createCountingSource();
  expect((await createFetch(source)(server.origin)).status).toBe(status);
  expect(server.requests).toHaveLength(1);
  expect(rejections()).toEqual([]);
});

it.each([401, 403])(
  'asks the source for the scopes of an insufficient_scope, and sends a second request, after a %i (RFC 6750 section 3.1)',
  async (status) => {
    const server = await startServer(({ headers }) =>
      headers.authorization === 'Bearer wide'
        ? { json: { ok: true } }
        : { status, headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="read write"' } },
    );
    const asked: (TokenSourceOptions | undefined)[] = [];
    const fetch = createFetch(async (options) => {
      asked.push(options);
      return { access_token: options?.scope === undefined ? 'narrow' : 'wide', token_type: 'Bearer' };
    });
    expect((await fetch(server.origin, { method: 'POST', body: 'kept' })).status).toBe(200);
    const challenge = 'Bearer error="insufficient_scope", scope="read write"';
    expect(asked).toEqual([{}, { scope: 'read write', challenge }]);
    expect(server.requests.map(({ body }) => body)).toEqual(['kept', 'kept']);
  },
);

it.each<[string, TokenSourceOptions]>([
  ['acr_values="mfa phr"', { acr_values: 'mfa phr' }],
  ['max_age="300"', { max_age: 300 }],
  ['max_age=0, acr_values=mfa, scope="pay"', { max_age: 0, acr_values: 'mfa', scope: 'pay' }],
  ['acr_values="mfa", max_age="-1", scope="caf\u00e9"', { acr_values: 'mfa' }],
])(
  'asks the source for one login after an insufficient_user_authentication with %s (RFC 9470 section 3)',
  async (parameters, login) => {
    const challenge = `Bearer realm="api", error="insufficient_user_authentication", error_description="more", ${parameters}`;
    const server = await startServer(() => ({ status: 401, headers: { 'www-authenticate': challenge } }));
    const { source, asked } = createCountingSource();
    expect((await createFetch(source)(server.origin, { method: 'POST', body: 'kept' })).status).toBe(401);
    expect(asked).toEqual([{}, { rejected: 'token-1', challenge, ...login }]);
    expect(server.requests.map(({ body }) => body)).toEqual(['kept', 'kept']);
  },
);

it.each(['', ', acr_values=""', ', max_age="soon"', `, acr_values="${'x'.repeat(1001)}"`, ', max_age="99999999999"'])(
  'asks for no login after an insufficient_user_authentication that does not say what it must be like (%j)',
  async (parameters) => {
    const challenge = `Bearer error="insufficient_user_authentication"${parameters}`;
    const server = await startServer(() => ({ status: 401, headers: { 'www-authenticate': challenge } }));
    const { source, asked } = createCountingSource();
    expect((await createFetch(source)(server.origin)).status).toBe(401);
    expect(asked).toEqual([{}]);
    expect(server.requests).toHaveLength(1);
  },
);

it('returns a 403 without usable scopes, and one to the second request', async () => {
  const challenges = ['Bearer error="insufficient_scope"', 'Bearer error="invalid_token"', 'Bearer', ''];
  // A character that RFC 6749 section 3.3 forbids, and more scopes than an API needs.
  for (const scope of ['caf\u00e9', 'x'.repeat(1001)])
    challenges.push(`Bearer error="insufficient_scope", scope="${scope}"`);
  let issued = 0;
  const source = async (): Promise<Token> => ({ access_token: `t${(issued += 1)}`, token_type: 'Bearer' });
  for (const challenge of challenges) {
    const server = await startServer(() => ({ status: 403, headers: { 'www-authenticate': challenge } }));
    expect((await createFetch(source)(server.origin)).status).toBe(403);
    expect(server.requests).toHaveLength(1);
  }
  const never = await startServer(() => ({
    status: 403,
    headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="more"' },
  }));
  expect((await createFetch(source)(never.origin)).status).toBe(403);
  expect(never.requests).toHaveLength(2);
});

it.each([
  'Basic realm="x", error="insufficient_scope", scope="write"',
  'Basic error="insufficient_scope", scope="write", Bearer realm="x"',
  'Bearer realm="x", Basic error="insufficient_scope", scope="write"',
  'Bearer realm="x" Basic error="insufficient_scope", scope="write"',
  'Basic error="insufficient_user_authentication", acr_values="mfa"',
  'Bearer error="insufficient_scope", Basic realm="x", scope="write"',
  'Bearer error="insufficient_scope", scope=" "',
])('sends no second request after a 403 whose token challenge names no more scopes: %s', async (challenge) => {
  const server = await startServer(() => ({ status: 403, headers: { 'www-authenticate': challenge } }));
  const { source, asked } = createCountingSource();
  expect((await createFetch(source)(server.origin)).status).toBe(403);
  expect(asked).toEqual([{}]);
});

it.each([
  'Basic realm="x", scope="read", Bearer error="insufficient_scope", scope="write"',
  'Bearer error="insufficient_scope", scope="write", Basic realm="x", scope="read"',
  'DPoP algs="ES256", scope="read", Bearer error="insufficient_scope", scope="write"',
  'DPoP error="insufficient_scope", Bearer error="insufficient_scope", scope="write"',
  'Negotiate abc==, dpop error="insufficient_scope", scope="write"',
  'Negotiate, Bearer error=insufficient_scope scope="write"',
])('takes the scopes of the challenge that has the error: %s', async (challenge) => {
  const server = await startServer(() => ({ status: 403, headers: { 'www-authenticate': challenge } }));
  const { source, asked } = createCountingSource();
  await createFetch(source)(server.origin);
  expect(asked).toEqual([{}, { scope: 'write', challenge }]);
});

it('allows no login after an invalid_token of another scheme', async () => {
  const server = await startServer(refuseTokens(['token-1'], 'Basic error="invalid_token", Bearer realm="x"'));
  const { source, asked } = createCountingSource();
  await createFetch(source)(server.origin);
  expect(asked[1]).toMatchObject({ rejected: 'token-1', interaction: 'never' });
});

it('parses a challenge of a megabyte in linear time', async () => {
  for (const unit of ['a', 'a="', 'a \t', 'a=\\"', 'a="\\"', ' ', '=', ', ', ',a ', ', a b=c']) {
    const headers = { 'www-authenticate': `Bearer ${unit.repeat(1_000_000 / unit.length)}x` };
    const fetch = async (): Promise<Response> => new Response(null, { status: 401, headers });
    const { source, rejections } = createCountingSource();
    expect((await createFetch(source, { fetch })('https://api.example')).status).toBe(401);
    expect(rejections()).toEqual(['token-1']);
  }
});

it('allows a login after invalid_token only: another 401 does not say that the token is the reason (RFC 6750 section 3.1)', async () => {
  const bare = [undefined, 'Bearer', 'Bearer realm="api"', 'Basic realm="api"', 'Bearer error="invalid_request"'];
  const challenges = [...bare, 'DPoP error="invalid_dpop_proof", Bearer error="invalid_token"'];
  const interactions: unknown[] = [];
  for (const challenge of challenges) {
    const server = await startServer(refuseTokens(['token-1'], challenge));
    const { source, asked } = createCountingSource();
    expect((await createFetch(source)(server.origin)).status).toBe(200);
    expect(asked.map((options) => options?.rejected)).toEqual([undefined, 'token-1']);
    interactions.push(asked[1]?.interaction);
  }
  expect(interactions).toEqual([...bare.map(() => 'never'), undefined]);
});
