import { expect, it, onTestFinished } from 'vitest';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { bearer, managerAt, temporaryDirectory } from './setup.ts';

const credentials = { client_id: 'c', client_secret: 's' };

it.each([404, 405, 410])(
  'reads the metadata anew, once, when an endpoint from the cache answers %i (RFC 8414 section 3)',
  async (status) => {
    const server = await startScriptedServer();
    onTestFinished(() => server.close());
    const metadata = (token_endpoint: string) => ({
      issuer: server.origin,
      token_endpoint,
      response_types_supported: [],
    });
    let path = '/old';
    server.script(({ path: asked }) => {
      if (asked.startsWith('/.well-known/oauth-authorization-server'))
        return { json: metadata(`${server.origin}${path}`), headers: { 'cache-control': 'max-age=86400' } };
      return asked === path ? bearer('a', { expires_in: 0 }) : { status };
    });
    const directory = temporaryDirectory();
    await managerAt(directory).manager.getToken(server.origin, credentials);
    path = '/new';
    const { manager } = managerAt(directory);
    await manager.getToken(server.origin, credentials);
    await manager.getToken(server.origin, credentials);
    expect(server.requestsTo('/old')).toHaveLength(2);
    expect(server.requestsTo('/new').length).toBeGreaterThan(0);
    expect(server.requestsTo('/.well-known/oauth-authorization-server')).toHaveLength(2);
  },
);

it('does not ask for the metadata with every call where the endpoint is gone for good', async () => {
  const server = await startScriptedServer();
  onTestFinished(() => server.close());
  server.script(({ path }) =>
    path.startsWith('/.well-known/oauth-authorization-server')
      ? { json: { issuer: server.origin, token_endpoint: `${server.origin}/token`, response_types_supported: [] } }
      : { status: 404 },
  );
  const { manager } = managerAt(temporaryDirectory());
  for (let calls = 0; calls < 4; calls += 1)
    expect(await manager.get(server.origin, credentials)).toMatchObject({ ok: false, error: { status: 404 } });
  expect(server.requestsTo('/.well-known/oauth-authorization-server')).toHaveLength(2);
});
