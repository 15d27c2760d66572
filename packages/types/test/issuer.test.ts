import { findPlaceholder, isSameIssuer, issuerOfDocument, normalizeIssuer } from '@oa/types/rfc';
import { expect, it } from 'vitest';

it.each([
  ['https://as.example/', 'https://as.example', true],
  ['https://as.example:8443/', 'https://as.example:8443', true],
  ['https://as.example/t/', 'https://as.example/t', false],
  ['https://as.example//', 'https://as.example', false],
  ['https://as.example/?', 'https://as.example', false],
  ['https://AS.example', 'https://as.example', false],
  ['https://as.example:443', 'https://as.example', false],
  ['http://as.example', 'https://as.example', false],
])('compares %s and %s as issuers: %s (RFC 3986 section 6.2.3)', (one, other, isSame) => {
  expect(isSameIssuer(one, other)).toBe(isSame);
  expect(isSameIssuer(other, one)).toBe(isSame);
  expect(normalizeIssuer(one) === normalizeIssuer(other)).toBe(isSame);
});

it.each([
  ['https://as.example/.well-known/openid-configuration', 'https://as.example'],
  ['https://as.example/.well-known/oauth-authorization-server/', 'https://as.example'],
  ['https://as.example/.well-known/oauth-authorization-server/a/b', 'https://as.example/a/b'],
  ['https://as.example/a/.well-known/openid-configuration', 'https://as.example/a'],
  ['https://as.example/.well-known/openid-configurations', undefined],
  ['https://as.example/.well-known/oauth-protected-resource', undefined],
  ['https://as.example/a', undefined],
])('finds in %s the issuer %s (RFC 8414 section 3.1)', (url, issuer) => {
  expect(issuerOfDocument(url)).toBe(issuer);
});

it.each([
  ['https://as.example/{tenant}/v2', '{tenant}'],
  ['https://as.example/{{tenant}}', '{{tenant}}'],
  ['https://as.example/$TENANT/v2', '$TENANT'],
  ['https://as.example/$(TENANT)', '$(TENANT)'],
  ['https://as.example/%TENANT%/v2', '%TENANT%'],
  ['https://as.example/realms/<realm name>', '<realm name>'],
  ['https://as.example/[realm]', '[realm]'],
  ['https://as.example/:tenant', ':tenant'],
  ['https://YOUR_DOMAIN/', 'YOUR_DOMAIN'],
  ['https://as.example/YOUR-TENANT', 'YOUR-TENANT'],
  ['https://as.example/TENANT_ID/v2', 'TENANT_ID'],
  ['https://as.example/Enter_the_Tenant_Info_Here/v2', 'Enter_the_Tenant_Info_Here'],
  ['https://as.example/__TENANT__', '__TENANT__'],
  ['https://as.example/@TENANT@', '@TENANT@'],
  ['https://as.example/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx', 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'],
  ['https://as.example/undefined/v2', 'undefined'],
  ['https://undefined', 'undefined'],
  ['https://as.example/%5Bobject%20Object%5D', '%5Bobject%20Object%5D'],
  ['https://as.example/realms/nullable/@user', undefined],
  ['https://as.example/oauth/MY_APP/4f9a', undefined],
  ['https://as.example:8443/a:b/%7E', undefined],
  ['http://[::1]:80/', undefined],
  ['https://as.example/%AB%CD%EF', undefined],
  ['https://your-server.example', undefined],
])('finds in %s the placeholder %s', (issuer, placeholder) => {
  expect(findPlaceholder(issuer)).toBe(placeholder);
});
