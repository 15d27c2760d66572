import { expect, test } from 'vitest';
import { isSecureUrl } from '@oa/types';

test.each([
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
])('E3: %s may be sent a secret: %s', (url, expected) => {
  expect(isSecureUrl(new URL(url))).toBe(expected);
});
