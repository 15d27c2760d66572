import { expect, it } from 'vitest';
import { managerAt, temporaryDirectory } from './setup.ts';

const target = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

it.each([
  ['an unknown member', { client: 'x' }, /credentials has no member client/],
  [
    'a secret without an id',
    { client_secret: 'x' },
    /client_id is missing: a client_secret and the client_credentials/,
  ],
  ['an empty scope', { scope: '' }, /credentials.scope must be a non-empty string/],
  ['an empty secret', { client_id: 'c', client_secret: '' }, /credentials.client_secret must be a non-empty string/],
  ['the password grant', { grant_type: 'password' }, /grant_type must be one of/],
  ['client credentials without a client', { grant_type: 'client_credentials' }, /credentials.client_id is missing/],
  [
    'an impossible authentication',
    { client_id: 'c', authentication: 5 },
    /credentials.authentication must be the name/,
  ],
  [
    'an unknown authentication',
    { client_id: 'c', client_secret: 's', authentication: 'client_secret_pots' },
    /client_secret_post/,
  ],
  ['null', null, /credentials must be an object/],
])(
  'rejects %s with a TypeError that says so (RFC 9700 section 2.4 for the grants)',
  async (_, credentials, message) => {
    const { manager } = managerAt(temporaryDirectory());
    await expect(manager.get(target, credentials as never)).rejects.toThrow(message);
    await expect(manager.get(target, credentials as never)).rejects.toBeInstanceOf(TypeError);
  },
);
