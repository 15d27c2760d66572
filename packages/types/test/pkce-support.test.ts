import { assertPkceSupported, type AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';

/** The check of a server whose metadata the program passes as it is. */
const check = (methods: unknown, requirePkce: boolean) => (): void => {
  const members = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const server = { ...members, code_challenge_methods_supported: methods };
  assertPkceSupported(server as AuthorizationServer, { requirePkce });
};

it.each<[unknown, boolean]>([
  [['S256'], true],
  [['plain', 'S256'], true],
  ['S256', true],
  [null, false],
  [[], false],
])('accepts the PKCE methods %j with requirePkce %s', (methods, requirePkce) => {
  expect(check(methods, requirePkce)).not.toThrow();
});

it.each<[unknown, boolean]>([
  [null, true],
  [[], true],
  [['s256'], false],
  ['plain', false],
  ['S256 and more', false],
  [{}, false],
  [5, false],
])('refuses the PKCE methods %j with requirePkce %s', (methods, requirePkce) => {
  expect(check(methods, requirePkce)).toThrow(expect.objectContaining({ code: 'pkce_unsupported' }));
});
