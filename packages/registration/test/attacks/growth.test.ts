import { growthOf } from '@oa-internal/testing';
import { isOAuthError, type Client } from '@oa/types';
import { expect, it } from 'vitest';
import { assertUsableClient } from '../../src/answer.ts';

const REQUEST = {
  url: 'https://as.example/register',
  redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
};
const URI = 'http://127.0.0.1:8400/callback';

it.each<[string, (size: number) => Partial<Client>]>([
  ['many redirect URIs', (size) => ({ redirect_uris: Array.from({ length: size / URI.length }, () => URI) })],
  ['a redirect URI with a long port', (size) => ({ redirect_uris: [`http://127.0.0.1:${'0'.repeat(size)}/callback`] })],
  ['a long redirect URI', (size) => ({ redirect_uris: [`http://127.0.0.1/${'?'.repeat(size)}`] })],
  ['a long address', (size) => ({ registration_client_uri: `https://as.example/${'../'.repeat(size / 3)}` })],
  ['a long secret', (size) => ({ client_secret: 's'.repeat(size) })],
  ['a long access token', (size) => ({ registration_access_token: `${'s'.repeat(size)}\n` })],
])('checks an answer with %s in linear time', async (_name, createMembers) => {
  const growth = await growthOf(createMembers, (members) => {
    try {
      assertUsableClient({ client_id: 'c', ...members }, REQUEST);
    } catch (error) {
      if (!isOAuthError(error)) throw error;
    }
  });
  // The exponent of the growth is about 1 for linear work, and 2 for quadratic work.
  expect(growth).toBeLessThan(1.5);
});
