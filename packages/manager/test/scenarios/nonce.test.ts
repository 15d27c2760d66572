import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  agreeingBrowser,
  bearer,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
  typesOf,
} from '../setup.ts';

const credentials = { client_id: 'p', scope: 'openid' };

function idTokenWith(nonce: unknown): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'RS256' })}.${encode({ nonce })}.AA`;
}

it('stores no token whose ID token belongs to another login (OpenID Connect Core section 3.1.3.7)', async () => {
  const browser = agreeingBrowser();
  const sentNonce = (): string | null => browser.urls.at(-1)?.searchParams.get('nonce') ?? null;
  let nonceOf = (): unknown => 'another';
  const { metadata } = await startScripted({
    '/token': () => bearer('PLANTED-AT', { refresh_token: 'PLANTED-RT', id_token: idTokenWith(nonceOf()) }),
  });
  const directory = temporaryDirectory();
  const options = { login: { openBrowser: browser.openBrowser }, interaction: 'always' as const };
  const { manager, events } = managerAt(directory, options);
  expect(await manager.get(metadata, credentials)).toMatchObject({ ok: false, error: { code: 'invalid_id_token' } });
  expect(typesOf(events)).not.toContain('obtained');
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));
  expect(texts.join('')).not.toContain('PLANTED');

  nonceOf = sentNonce;
  const again = managerAt(directory, options);
  expect(await again.manager.getToken(metadata, credentials)).toMatchObject({ access_token: 'PLANTED-AT' });
  expect(storedTokens(directory)).toMatchObject([{ id_token: idTokenWith(sentNonce()) }]);
});
