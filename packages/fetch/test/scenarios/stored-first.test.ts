// Requests whose first try carries a token only if one is stored.
import { createFetch } from '@oa/fetch';
import { OAuthError, type Token, type TokenSourceOptions } from '@oa/types';
import { expect, it } from 'vitest';
import { authorizationsOf, startServer } from '../servers.ts';

const CHALLENGE = 'Bearer resource_metadata="https://api.example/meta", scope="read"';

/** A source with a store: empty until a token was obtained. */
function createStoredSource(stored?: string) {
  let token = stored;
  const asked: (TokenSourceOptions | undefined)[] = [];
  const source = async (options?: TokenSourceOptions): Promise<Token> => {
    asked.push(options);
    if (options?.stored !== true) token = 'obtained';
    if (token === undefined) throw new OAuthError('login_required', 'Nothing is stored.');
    return { access_token: token, token_type: 'Bearer' };
  };
  return { source, asked };
}

it('uses an open resource without a token, whatever it answers but 401', async () => {
  const server = await startServer(({ path }) => ({ status: path === '/gone' ? 410 : 200 }));
  const { source, asked } = createStoredSource();
  const fetch = createFetch(source, { first: 'stored' });
  expect((await fetch(`${server.origin}/open`)).status).toBe(200);
  expect((await fetch(`${server.origin}/gone`)).status).toBe(410);
  expect(authorizationsOf(server.requests)).toEqual([undefined, undefined]);
  expect(asked).toEqual([{ stored: true }, { stored: true }]);
});

it('obtains a token with the challenge of the 401 to the real request, and repeats it with its body', async () => {
  const server = await startServer(({ headers }) =>
    headers.authorization === undefined ? { status: 401, headers: { 'www-authenticate': CHALLENGE } } : {},
  );
  const { source, asked } = createStoredSource();
  const fetch = createFetch(source, { first: 'stored' });
  expect((await fetch(server.origin, { method: 'POST', body: 'x' })).status).toBe(200);
  expect((await fetch(server.origin)).status).toBe(200);
  expect(asked).toEqual([{ stored: true }, { challenge: CHALLENGE }, { stored: true }]);
  expect(authorizationsOf(server.requests)).toEqual([undefined, 'Bearer obtained', 'Bearer obtained']);
  expect(server.requests.map(({ body }) => body)).toEqual(['x', 'x', '']);
});

it.each([
  'Bearer error="insufficient_scope"',
  'Bearer error="insufficient_scope", scope="caf\u00e9"',
  'Bearer error="insufficient_user_authentication"',
])(
  'obtains a token after a 401 to a request without one, although the challenge is incomplete: %s',
  async (challenge) => {
    const server = await startServer(({ headers }) =>
      headers.authorization === undefined ? { status: 401, headers: { 'www-authenticate': challenge } } : {},
    );
    const { source } = createStoredSource();
    expect((await createFetch(source, { first: 'stored' })(server.origin)).status).toBe(200);
    expect(authorizationsOf(server.requests)).toEqual([undefined, 'Bearer obtained']);
  },
);

it('sends a stored token at once', async () => {
  const server = await startServer(() => ({}));
  const { source } = createStoredSource('kept');
  await createFetch(source, { first: 'stored' })(server.origin);
  expect(authorizationsOf(server.requests)).toEqual(['Bearer kept']);
});

it('rejects with every other error of the source: a session that can not be refreshed now is not gone', async () => {
  const server = await startServer(() => ({}));
  const failing = async (): Promise<Token> => {
    throw new OAuthError('network_error', 'The server can not be reached.', { retryable: true });
  };
  await expect(createFetch(failing, { first: 'stored' })(server.origin)).rejects.toMatchObject({
    code: 'network_error',
  });
  expect(server.requests).toEqual([]);
});

it('rejects a wrong option with a TypeError', () => {
  const { source } = createStoredSource();
  expect(() => createFetch(source, { first: 'always' as 'stored' })).toThrow(/^options.first must be/);
});
