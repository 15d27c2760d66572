import { createFetch } from '@oa/fetch';
import { OAuthError, type Token } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { withStepUp } from '../src/step-up.ts';
import { managerAt, temporaryDirectory } from './setup.ts';

it('asks for the union of the scopes, and from then on with every token of the source', async () => {
  const issuer = await startScriptedServer(({ form }) => ({
    json: {
      access_token: `for ${form.get('scope')}`,
      token_type: 'Bearer',
      expires_in: 3600,
      scope: form.get('scope'),
    },
  }));
  onTestFinished(() => issuer.close());
  const target = { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` };
  const { manager } = managerAt(temporaryDirectory(), { stepUp: ['write', 'read'] });
  const source = manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read list' });
  expect((await source()).access_token).toBe('for read list');
  expect((await source({ scope: 'write read' })).access_token).toBe('for read list write');
  expect((await source()).access_token).toBe('for read list write');
  expect(issuer.requests).toHaveLength(2);
  const other = manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read list' });
  expect((await other()).access_token).toBe('for read list');
  expect(issuer.requests).toHaveLength(2);
});

it('keeps the scopes of a challenge although those of an earlier one are refused after it', async () => {
  const first = Promise.withResolvers<Token>();
  const asked: (string | undefined)[] = [];
  const source = withStepUp(
    async ({ scope } = {}) => {
      asked.push(scope);
      return scope === 'read write'
        ? first.promise
        : { access_token: scope ?? 'read', token_type: 'Bearer', scope: 'read' };
    },
    () => undefined,
  );
  await source();
  const refused = source({ scope: 'write' });
  await source({ scope: 'list' });
  first.reject(new OAuthError('oauth_error', 'The user denied it.', { error: 'access_denied' }));
  await expect(refused).rejects.toThrow('denied');
  await source();
  expect(asked).toEqual([undefined, 'read write', 'read write list', 'read list']);
});

it('makes one grant and one second request after insufficient_scope (RFC 6750 section 3.1)', async () => {
  const issuer = await startScriptedServer(({ form }) => ({
    json: { access_token: `for ${form.get('scope')}`.replaceAll(' ', '-'), token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => issuer.close());
  const api = await startScriptedServer(({ headers }) =>
    headers.authorization === 'Bearer for-read-write'
      ? { json: { ok: true } }
      : { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' } },
  );
  onTestFinished(() => api.close());
  const { manager } = managerAt(temporaryDirectory(), { stepUp: ['write', 'read'] });
  const target = { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` };
  const call = createFetch(manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read' }));
  expect((await call(api.origin)).status).toBe(200);
  expect((await call(api.origin)).status).toBe(200);
  expect(api.requests).toHaveLength(3);
  expect(issuer.requests).toHaveLength(2);
});

it('obtains 20 tokens, not one for each answer, for an API that asks for another scope in every answer', async () => {
  const issuer = await startScriptedServer((_, index) => ({
    json: { access_token: `token-${index}`, token_type: 'Bearer', expires_in: 3600 },
  }));
  onTestFinished(() => issuer.close());
  const api = await startScriptedServer((_, index) => ({
    status: 403,
    headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="scope-${index}"` },
  }));
  onTestFinished(() => api.close());
  const stepUp = Array.from({ length: 40 }, (_, index) => `scope-${index}`);
  const { manager } = managerAt(temporaryDirectory(), { stepUp });
  const target = { issuer: issuer.origin, token_endpoint: `${issuer.origin}/token` };
  const call = createFetch(manager.source(target, { client_id: 'c', client_secret: 's', scope: 'read' }));
  for (let calls = 0; calls < 30; calls += 1) expect((await call(api.origin)).status).toBe(403);
  expect(issuer.requests).toHaveLength(21);
  expect(issuer.requests.at(-1)?.form.get('scope')?.split(' ')).toHaveLength(21);
});
