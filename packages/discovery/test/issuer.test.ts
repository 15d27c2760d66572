import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { conventionalServer, discover } from '@oa/discovery';

it.each<[string, unknown]>([
  ['is not a URL', 'as.example'],
  ['has a query', 'https://as.example/?'],
  ['has a fragment', 'https://as.example/#'],
  ['has a password', 'https://u:p@as.example'],
  ['has a space', ' https://as.example'],
  ['is a URL object', new URL('https://as.example')],
])('rejects an issuer that %s with a TypeError (RFC 8414 section 2)', async (_name, issuer) => {
  await expect(discover(issuer as string)).rejects.toThrow(/^issuer must be/);
  expect(() => conventionalServer(issuer as string)).toThrow(/^issuer must be/);
});

it.each([
  'http://as.example',
  'http://127.0.0.2',
  'http://localhost.evil.example',
  'http://localhost.',
  'ftp://as.example',
])(
  'refuses the issuer %s before a request is sent: plain http is for loopback hosts (RFC 8414 section 2)',
  async (issuer) => {
    let sent = 0;
    const count: typeof fetch = (...request) => {
      sent += 1;
      return fetch(...request);
    };
    expect(await rejectionOf(discover(issuer, { fetch: count }))).toMatchObject({ code: 'insecure_url' });
    expect(() => conventionalServer(issuer)).toThrow(expect.objectContaining({ code: 'insecure_url' }));
    expect(sent).toBe(0);
  },
);
