import { rejectionOf } from '@oa-internal/testing';
import { authenticateClient } from '@oa/client-authentication';
import type { AuthorizationServer, Client } from '@oa/types';
import { expect, it } from 'vitest';

/** A line break, an escape sequence, a C1 control, text that runs backwards, a line separator, and quotes. */
const HOSTILE = 'jwt\r\nerror: all is well\u001B[2J\u009B31m\u202E\u2066\u2028"\\';
const PLAIN = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

it.each<[string, AuthorizationServer, Client]>([
  [
    'token_endpoint_auth_methods_supported',
    { ...PLAIN, token_endpoint_auth_methods_supported: [HOSTILE, 'x'.repeat(100_000)] },
    { client_id: 'c', client_secret: 's' },
  ],
  ['token_endpoint_auth_method', PLAIN, { client_id: 'c', token_endpoint_auth_method: HOSTILE + 'x'.repeat(100_000) }],
  [
    'issuer',
    { ...PLAIN, issuer: PLAIN.issuer + HOSTILE, token_endpoint_auth_methods_supported: ['other'] },
    { client_id: 'c', client_secret: 's' },
  ],
])('the error about a method shows %s on one short line, without control characters', async (_name, server, client) => {
  const error = await rejectionOf(authenticateClient(server, client));
  expect(error.code).toBe('unsupported_client_authentication');
  expect(error.message).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,500}$/);
  expect(error.message).toContain('jwt');
});
