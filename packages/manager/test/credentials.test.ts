import { expect, it } from 'vitest';
import { managerAt, temporaryDirectory } from './setup.ts';

const target = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

it.each([
  ['an unknown member', { client: 'x' }, /credentials has no member client/],
  ['a secret without an id', { client_secret: 'x' }, /client_id is missing: a client_secret needs it/],
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
  ...[null, { type: 'payment' }, '[{"type":"payment"}]', [null], [[]], [{ amount: '1' }], [{ type: '' }]].map(
    (authorization_details): [string, object, RegExp] => [
      `the authorization_details ${JSON.stringify(authorization_details)} (RFC 9396 section 2)`,
      { client_id: 'c', authorization_details },
      /credentials.authorization_details must be an array of objects with a type/,
    ],
  ),
  ...[
    'https://localhost/cb',
    'http://tool.example/cb',
    'http://127.0.0.2/cb',
    'http://localhost.:3000/cb',
    'http://user@localhost/cb',
    'http://localhost:0/cb',
    'http://localhost:65536/cb',
    'http://localhost:/cb',
    'http://localhost/cb#part',
    'http://localhost//evil.example',
    'http://localhost/a/../cb',
    'com.example.tool:/cb',
    'urn:ietf:wg:oauth:2.0:oob',
    'localhost:3000',
    '',
    5,
    null,
    undefined,
  ].map((uri): [string, object, RegExp] => [
    `the redirect URI ${JSON.stringify(uri)} (RFC 8252 section 7.3)`,
    { client_id: 'c', redirect_uris: ['http://localhost', uri] },
    new RegExp(
      `credentials.redirect_uris has ${(JSON.stringify(uri) ?? 'undefined').replace(/[.[\]]/g, '\\$&')}, which is no loopback`,
    ),
  ]),
  [
    'redirect URIs in a text',
    { client_id: 'c', redirect_uris: 'http://localhost' },
    /redirect_uris must be a non-empty array .*not "http:/,
  ],
  ['no redirect URIs', { client_id: 'c', redirect_uris: [] }, /redirect_uris must be a non-empty array .*not \[\]/],
  [
    'redirect URIs without a client',
    { redirect_uris: ['http://localhost'] },
    /client_id is missing: credentials.redirect_uris belong to a client that was registered by hand/,
  ],
])(
  'rejects %s with a TypeError that says so (RFC 9700 section 2.4 for the grants)',
  async (_, credentials, message) => {
    const { manager } = managerAt(temporaryDirectory());
    await expect(manager.get(target, credentials as never)).rejects.toThrow(message);
    await expect(manager.get(target, credentials as never)).rejects.toBeInstanceOf(TypeError);
  },
);
