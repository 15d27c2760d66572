import { expect, it } from 'vitest';
import { managerAt, temporaryDirectory } from './setup.ts';

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
  ['null', null, /credentials must be an object/],
])(
  'rejects %s with a TypeError that says so (RFC 9700 section 2.4 for the grants)',
  async (_, credentials, message) => {
    const { manager } = managerAt(temporaryDirectory());
    await expect(manager.get('https://as.example', credentials as never)).rejects.toThrow(message);
    await expect(manager.get('https://as.example', credentials as never)).rejects.toBeInstanceOf(TypeError);
  },
);
