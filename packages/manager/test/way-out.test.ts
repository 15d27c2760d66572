import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { expect, it } from 'vitest';
import { aged, agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from './setup.ts';

const client_id = 'p';

async function failedRefresh(expiredSeconds: number, status: number): Promise<string> {
  const { metadata } = await startScripted({ '/token': { status } });
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'authorization_code', client_id });
  const token: Token = { ...aged({ access_token: 'old', token_type: 'Bearer' }, -expiredSeconds), refresh_token: 'r' };
  const { manager } = managerAt(temporaryDirectory(), { cache: new Map([[key, token]]), interaction: 'never' });
  const result = await manager.get(metadata, { client_id });
  expect(result).toMatchObject({ ok: false, error: { code: 'http_error', status } });
  return result.ok ? '' : result.error.message;
}

it.each([500, 502, 503])('names the way out where a refresh has failed with %i for long', async (status) => {
  expect(await failedRefresh(7200, status)).toMatch(
    /expired 120 minutes ago.* log in again \(manager\.login\), or log out \(manager\.logout\)\./,
  );
});

it('does not name it while the server may be restarting', async () => {
  expect(await failedRefresh(60, 503)).not.toContain('manager.login');
});

it.each(['login', 'logout'] as const)('goes the way out by %s, also while the server asks for a pause', async (way) => {
  const { metadata } = await startScripted({
    '/token': ({ form }) =>
      form.get('grant_type') === 'refresh_token' ? { status: 503, headers: { 'retry-after': '3600' } } : bearer('new'),
  });
  const key = tokenKey({ issuer: metadata.issuer, grant_type: 'authorization_code', client_id });
  const token: Token = { ...aged({ access_token: 'old', token_type: 'Bearer' }, -7200), refresh_token: 'r' };
  const { manager } = managerAt(temporaryDirectory(), {
    cache: new Map([[key, token]]),
    login: { openBrowser: agreeingBrowser().openBrowser },
  });
  expect(await manager.get(metadata, { client_id })).toMatchObject({ ok: false, error: { status: 503 } });
  expect(await manager[way](metadata, { client_id })).toMatchObject({ ok: true });
  expect(await manager.get(metadata, { client_id })).toMatchObject({ ok: true, value: { access_token: 'new' } });
});
