import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { attempt, isOAuthError, isStorageError, OAuthError } from '@oa/types';

test('an OAuthError is known by its brand, also from another copy of this package', () => {
  class Copy extends Error {}
  const foreign = Object.defineProperty(new Copy('x'), Symbol.for('@oa/types/OAuthError'), { value: true });
  expect(isOAuthError(foreign)).toBe(true);
  expect(isOAuthError(new OAuthError('timeout', 'x'))).toBe(true);
  expect(isOAuthError(new Error('x'))).toBe(false);
  expect(isOAuthError({ code: 'timeout' })).toBe(false);
  expect(isOAuthError(undefined)).toBe(false);
});

test('C9: what the server wrote keeps only the characters of RFC 6749 section 5.2', () => {
  const error = new OAuthError('oauth_error', 'refused', {
    error: 'invalid_grant\u001b[31m',
    error_description: 'red \u001b[31m"quoted" \\ line\r\nnext \u202e end',
    error_uri: 'https://example.com/\u0007',
  });
  expect(error.error).toBe('invalid_grant[31m');
  expect(error.error_description).toBe('red [31mquoted  linenext  end');
  expect(error.error_uri).toBe('https://example.com/');
});

test('C9: a message that names what a server publishes has nothing that a terminal obeys, and an end', () => {
  const { message } = new OAuthError('timeout', 'a \u001b]0;title\u0007 \u202e b\n\n    ssh \u009b2J \u200bc "d" é');
  expect(message).toBe('a ]0;title  b\n\n    ssh 2J c "d" é');
  expect(new OAuthError('timeout', 'x'.repeat(1_000_000)).message).toHaveLength(5000);
});

test('C9: a long text of the server is cut', () => {
  expect(new OAuthError('oauth_error', 'x', { error_description: 'a'.repeat(10_000) }).error_description).toHaveLength(
    500,
  );
});

test('an OAuthError shows everything it knows, and nothing else, to JSON and to inspect', () => {
  const error = new OAuthError('http_error', 'the server is ill', { status: 503, retryable: true, retryAfter: 3 });
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: 'http_error',
    message: 'the server is ill',
    status: 503,
    retryable: true,
    retryAfter: 3,
  });
  expect(error.name).toBe('OAuthError');
  expect(String(error)).toBe('OAuthError: the server is ill');
  expect(inspect(error)).toContain("code: 'http_error'");
  expect(Object.keys(new OAuthError('timeout', 'x'))).toEqual(['code', 'retryable']);
  expect(new OAuthError('timeout', 'x').retryable).toBe(false);
});

test('attempt: a value, an OAuthError as a value, and a bug that still throws', async () => {
  expect(await attempt(Promise.resolve(1))).toEqual({ ok: true, value: 1 });
  const error = new OAuthError('timeout', 'x');
  expect(await attempt(Promise.reject(error))).toEqual({ ok: false, error });
  await expect(attempt(Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
});

test('a storage error is told from the failures of servers', () => {
  expect(isStorageError(new OAuthError('insecure_token_cache_permissions', 'x'))).toBe(true);
  expect(isStorageError(new OAuthError('timeout', 'x'))).toBe(false);
  expect(isStorageError(new Error('storage_unavailable'))).toBe(false);
});
