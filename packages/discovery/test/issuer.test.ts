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

it.each([
  ['https://login.example/{tenantid}/v2.0', '{tenantid}'],
  ['https://login.example/{tenant}', '{tenant}'],
  ['https://<tenant>.example', '<tenant>'],
  ['https://as.example/:tenant/', ':tenant'],
  ['https://as.example/${TENANT_ID}/v2.0', '${TENANT_ID}'],
  ['https://as.example/realms/%7Brealm%7D', '%7Brealm%7D'],
  ['https://{yourDomain}/oauth2/default', '{yourDomain}'],
  ['https://as.example/{tenant}/.well-known/openid-configuration', '{tenant}'],
  ['${ISSUER}', '${ISSUER}'],
])('asks no server for %s, and says what belongs in place of %s', async (issuer, placeholder) => {
  const fetch = async (): Promise<Response> => Promise.reject(new Error('sent'));
  const error = await rejectionOf(discover(issuer, { fetch }));
  expect(error).toMatchObject({ code: 'metadata_not_found', retryable: false });
  expect(error.message).toContain(`has the placeholder ${placeholder}. Put the value of your own account in its place`);
});

it('does not repeat a password of an issuer with a placeholder', async () => {
  const { message } = await rejectionOf(discover('https://user:PLANTED@as.example/{tenant}?PLANTED'));
  expect(message).toContain('"https://as.example/{tenant}"');
  expect(message).not.toContain('PLANTED');
});
