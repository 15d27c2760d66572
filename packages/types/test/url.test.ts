import { expect, it } from 'vitest';
import { isSecureUrl } from '@oa/types';

it.each([
  ['https://as.example/token', true],
  ['http://localhost:3000/', true],
  ['http://127.0.0.1:3000/', true],
  ['http://[::1]:3000/', true],
  ['http://as.example/token', false],
  ['http://127.0.0.2/', false],
  ['http://localhost./', false],
  ['http://a.localhost/', false],
  ['http://127.0.0.1.evil.example/', false],
  ['ftp://127.0.0.1/', false],
  ['file:///etc/passwd', false],
])('answers whether %s is safe for a secret: %s (RFC 8252 section 8.3)', (url, expected) => {
  expect(isSecureUrl(new URL(url))).toBe(expected);
});
