import { tokenKey } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { expect, it } from 'vitest';
import { aged, managerAt, startScripted, temporaryDirectory } from './setup.ts';

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
