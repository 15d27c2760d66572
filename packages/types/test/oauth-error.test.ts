import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  isOAuthError,
  parseOAuthError,
  isShareableError,
  isStorageError,
  OAuthError,
  type OAuthErrorCode,
} from '@oa/types';

describe('OAuthError', () => {
  it("keeps only the characters of RFC 6749 section 5.2 of a server's texts", () => {
    const error = new OAuthError('oauth_error', 'refused', {
      error: 'invalid_grant\u001b[31m',
      error_description: 'red \u001b[31m"quoted" \\ line\r\nnext \u202e end',
      error_uri: 'https://example.com/\u0007',
    });
    expect(error.error).toBe('invalid_grant[31m');
    expect(error.error_description).toBe('red [31mquoted  linenext  end');
    expect(error.error_uri).toBe('https://example.com/');
  });

  it('removes control and format characters from its message, and limits its length', () => {
    const { message } = new OAuthError('timeout', 'a \u001b]0;title\u0007 \u202e b\n\n    ssh \u009b2J \u200bc "d" é');
    expect(message).toBe('a ]0;title  b    ssh 2J c "d" é');
    expect(new OAuthError('timeout', 'x'.repeat(1_000_000)).message).toHaveLength(5000);
  });

  it("cuts a server's text to 500 characters", () => {
    const { error_description } = new OAuthError('oauth_error', 'x', { error_description: 'a'.repeat(10_000) });
    expect(error_description).toHaveLength(500);
  });

  it('ignores texts that are not strings', () => {
    const details = { error: 5, error_description: {}, error_uri: null } as unknown as { error: string };
    expect(Object.keys(new OAuthError('oauth_error', 'x', details))).toEqual(['code', 'retryable']);
  });

  it('shows all its members, and nothing else, to JSON and to inspect', () => {
    const error = new OAuthError('http_error', 'The server is ill.', { status: 503, retryable: true, retryAfter: 3 });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'http_error',
      message: 'The server is ill. The server asks to wait 3 seconds.',
      status: 503,
      retryable: true,
      retryAfter: 3,
    });
    expect(error.name).toBe('OAuthError');
    expect(String(error)).toBe('OAuthError: The server is ill. The server asks to wait 3 seconds.');
    expect(inspect(error)).toContain("code: 'http_error'");
  });

  it.each<[number | undefined, string]>([
    [undefined, 'No.'],
    [0, 'No.'],
    [-5, 'No.'],
    [Number.NaN, 'No.'],
    [1, 'No. The server asks to wait 1 second.'],
    [30, 'No. The server asks to wait 30 seconds.'],
    [119, 'No. The server asks to wait 119 seconds.'],
    [120, 'No. The server asks to wait 120 seconds (about 2 minutes).'],
    [86_400, 'No. The server asks to wait 86400 seconds (about 24 hours).'],
  ])('says for a retryAfter of %s: %s', (retryAfter, message) => {
    expect(new OAuthError('http_error', 'No.', { retryAfter }).message).toBe(message);
  });

  it('says the rest of the time, once, if an error is made anew with it', () => {
    const error = new OAuthError('http_error', 'No.', { retryAfter: 900 });
    const again = new OAuthError('http_error', `Before. ${error.message} After.`, {
      ...error.toJSON(),
      retryAfter: 12,
    });
    expect(again.message).toBe('Before. No. The server asks to wait 12 seconds. After.');
    expect(parseOAuthError(JSON.parse(JSON.stringify(again)))?.message).toBe(again.message);
  });

  it('tells whether the request was sent, also in JSON', () => {
    for (const sent of [true, false]) {
      const error = new OAuthError('network_error', 'The connection broke.', { sent });
      expect(error.sent).toBe(sent);
      expect(JSON.parse(JSON.stringify(error))).toHaveProperty('sent', sent);
    }
  });

  it('has no member for a detail that is absent or undefined', () => {
    const nothing = { error: undefined, error_description: undefined, error_uri: undefined };
    const details = { ...nothing, status: undefined, retryable: undefined, retryAfter: undefined, sent: undefined };
    for (const error of [new OAuthError('timeout', 'x'), new OAuthError('timeout', 'x', details)]) {
      expect(Object.keys(error)).toEqual(['code', 'retryable']);
      expect(error.retryable).toBe(false);
    }
  });
});

describe('isOAuthError', () => {
  it('recognises an OAuthError by its brand, also of another copy of the package', () => {
    class Copy extends Error {}
    const foreign = Object.defineProperty(new Copy('x'), Symbol.for('@oa/types/OAuthError'), { value: true });
    expect(isOAuthError(foreign)).toBe(true);
    expect(isOAuthError(new OAuthError('timeout', 'x'))).toBe(true);
    expect(isOAuthError(new Error('x'))).toBe(false);
    expect(isOAuthError({ code: 'timeout', [Symbol.for('@oa/types/OAuthError')]: true })).toBe(false);
    expect(isOAuthError(undefined)).toBe(false);
  });
});

describe('isStorageError', () => {
  it.each<OAuthErrorCode>([
    'storage_unavailable',
    'insecure_token_cache_permissions',
    'insecure_file_permissions',
    'newer_file_format',
    'corrupt_file',
  ])('is true for %s', (code) => {
    expect(isStorageError(new OAuthError(code, 'x'))).toBe(true);
  });

  it.each<OAuthErrorCode>(['timeout', 'network_error', 'lock_timeout', 'refresh_interrupted'])(
    'is false for %s',
    (code) => {
      expect(isStorageError(new OAuthError(code, 'x'))).toBe(false);
    },
  );

  it('is false for an error that only has the text of a code', () => {
    expect(isStorageError(new Error('storage_unavailable'))).toBe(false);
    expect(isStorageError(Object.assign(new Error('x'), { code: 'storage_unavailable' }))).toBe(false);
  });
});

describe('isShareableError', () => {
  const error = (code: OAuthErrorCode, details = {}): OAuthError => new OAuthError(code, 'x', details);

  it('accepts what can succeed later, and what a user decided in the browser', () => {
    expect(isShareableError(error('network_error', { retryable: true }))).toBe(true);
    expect(isShareableError(error('http_error', { status: 503, retryable: true }))).toBe(true);
    expect(isShareableError(error('oauth_error', { error: 'access_denied' }))).toBe(true);
  });

  it.each<[OAuthErrorCode, object]>([
    ['oauth_error', { error: 'invalid_client', status: 401 }],
    ['oauth_error', { error: 'access_denied', status: 401 }],
    ['http_error', { status: 403 }],
    ['unsupported_client_authentication', {}],
    ['login_required', { status: 500, retryable: true }],
    ['login_timeout', {}],
    ['storage_unavailable', {}],
    ['storage_unavailable', { retryable: true }],
  ])('does not accept %s with %j, which another caller may not meet', (code, details) => {
    expect(isShareableError(error(code, details))).toBe(false);
  });

  it('accepts nothing that is not an OAuthError', () => {
    expect(isShareableError(Object.assign(new Error('x'), { retryable: true }))).toBe(false);
  });
});

it('parses what it has written as JSON, and nothing that is damaged', () => {
  const details = { error: 'invalid_grant', status: 400, retryable: true, retryAfter: 3, sent: true };
  const error = new OAuthError('oauth_error', 'It failed.', details);
  const record: unknown = JSON.parse(JSON.stringify(error));
  const parsed = parseOAuthError(record);
  expect(isOAuthError(parsed)).toBe(true);
  expect(JSON.stringify(parsed)).toBe(JSON.stringify(error));
  for (const damage of [{ code: 'A B' }, { message: 1 }, { status: 'x' }, { retryable: 1 }, { sent: 1 }, { error: {} }])
    expect(parseOAuthError({ ...(record as object), ...damage })).toBeUndefined();
  for (const other of [undefined, null, 'text', []]) expect(parseOAuthError(other)).toBeUndefined();
});
