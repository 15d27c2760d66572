import { describe, expect, it } from 'vitest';
import type { Client, RequestParameters } from '@oa/types';
import {
  assertClient,
  missingSecretError,
  assertRequestParameters,
  DEVICE_CODE_GRANT_TYPE,
  JWT_BEARER_GRANT_TYPE,
  TOKEN_EXCHANGE_GRANT_TYPE,
  formEncode,
  isLoopbackHost,
  isResourceIndicator,
  isSameRedirectUri,
  isScope,
  LOOPBACK_HOSTS,
  mergeScopes,
  parseLoopbackUri,
  toErrorText,
  withoutEmptyParameters,
} from '@oa/types/rfc';

/** All characters up to U+00FF. */
const characters = Array.from({ length: 256 }, (_, code) => String.fromCodePoint(code)).join('');

it('has the grant types of RFC 8628 section 3.4, RFC 7523 section 2.1 and RFC 8693 section 2.1', () => {
  expect(DEVICE_CODE_GRANT_TYPE).toBe('urn:ietf:params:oauth:grant-type:device_code');
  expect(JWT_BEARER_GRANT_TYPE).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
  expect(TOKEN_EXCHANGE_GRANT_TYPE).toBe('urn:ietf:params:oauth:grant-type:token-exchange');
});

describe('isLoopbackHost (RFC 8252 section 8.3)', () => {
  it('is true for the hosts of a loopback redirect URI, of which IP literals come first', () => {
    expect(LOOPBACK_HOSTS).toEqual(['127.0.0.1', '[::1]', 'localhost']);
    for (const host of LOOPBACK_HOSTS) expect(isLoopbackHost(new URL(`http://${host}:1/`).hostname)).toBe(true);
  });

  it.each(['127.0.0.2', '::1', '[::2]', 'localhost.', 'x.localhost', '0.0.0.0', '127.0.0.1.example', ''])(
    'is false for %j',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
    },
  );
});

describe('isSameRedirectUri (RFC 8252 section 7.3)', () => {
  it.each([
    ['http://127.0.0.1/cb', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:51234/cb'],
    ['http://127.0.0.1:1/cb', 'http://127.0.0.1/cb'],
    ['http://[::1]:2/cb?a=b', 'http://[::1]/cb?a=b'],
    ['http://localhost:3', 'http://localhost'],
    ['com.example.tool:/cb', 'com.example.tool:/cb'],
  ])('is true for %s and %s', (uri, other) => {
    expect(isSameRedirectUri(uri, other)).toBe(true);
  });

  it.each([
    ['http://127.0.0.1/cb', 'http://[::1]/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1/other'],
    ['http://127.0.0.1/CB', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1:99999/cb', 'http://127.0.0.1/cb'],
    ['https://app.example:1/cb', 'https://app.example/cb'],
    ['https://127.0.0.1:1/cb', 'https://127.0.0.1/cb'],
    ['http://127.0.0.1.evil.example/cb', 'http://127.0.0.1:1/cb'],
    ['http://127a0b0c1/cb', 'http://127a0b0c1:1/cb'],
    ['http://u@127.0.0.1/cb', 'http://127.0.0.1/cb'],
  ])('is false for %s and %s', (uri, other) => {
    expect(isSameRedirectUri(uri, other)).toBe(false);
  });
});

describe('toErrorText (RFC 6749 section 5.2)', () => {
  it('keeps %x20-21 / %x23-5B / %x5D-7E', () => {
    const printable = characters.slice(0x20, 0x7f).replace('"', '').replace('\\', '');
    expect(toErrorText(characters)).toBe(printable);
    expect(toErrorText('a\u202eb\u{1f600}c')).toBe('abc');
    expect(toErrorText('\n1234', 3)).toBe('123');
  });
});

describe('isScope (RFC 6749 section 3.3)', () => {
  it.each([
    ['read', true],
    ['read write', true],
    ['urn:a:read', true],
    ['0123456789', true],
    ['0123456789a', false],
    ['', false],
    ['a"b', false],
    ['a\\b', false],
    ['a\nb', false],
    ['é', false],
  ])('answers for %j with at most 10 characters: %s', (text, expected) => {
    expect(isScope(text, 10)).toBe(expected);
  });
});

describe('mergeScopes (RFC 6749 section 3.3)', () => {
  it.each([
    [undefined, 'a', 'a'],
    ['', 'a b', 'a b'],
    ['b a', 'a c', 'b a c'],
    ['a  b', ' b ', 'a b'],
    ['a', '', 'a'],
    [undefined, '', ''],
  ])('merges %j and %j to %j', (scope, more, expected) => {
    expect(mergeScopes(scope, more)).toBe(expected);
  });
});

describe('formEncode (RFC 6749 appendix B)', () => {
  it('encodes the example of the appendix', () => {
    expect(formEncode(' %&+£€')).toBe('+%25%26%2B%C2%A3%E2%82%AC');
  });

  it('encodes a colon, and nothing as nothing', () => {
    expect(formEncode('a:b=c')).toBe('a%3Ab%3Dc');
    expect(formEncode('')).toBe('');
  });
});

describe('isResourceIndicator (RFC 8707 section 2)', () => {
  it.each([
    ['https://api.example/', true],
    ['https://api.example/path?query', true],
    ['urn:example:api', true],
    ['https://api.example/#fragment', false],
    ['https://api.example/#', false],
    ['/path', false],
    ['api.example', false],
    ['', false],
  ])('answers for %j: %s', (text, expected) => {
    expect(isResourceIndicator(text)).toBe(expected);
  });
});

describe('assertClient', () => {
  it('accepts a client with an identifier', () => {
    expect(() => assertClient({ client_id: 'c' })).not.toThrow();
  });

  it.each([undefined, {}, { client_id: '' }, { client_id: process.env['OA_NOT_SET'] }])(
    'refuses %j, and asks whether the environment variable is set',
    (client) => {
      expect(() => assertClient(client as unknown as Client)).toThrow(
        new TypeError(
          'client.client_id must be a non-empty string. If it comes from an environment variable, is the variable set?',
        ),
      );
    },
  );

  it.each([{ client_id: 5 }, { client_id: null }])('refuses %j, which no environment variable holds', (client) => {
    expect(() => assertClient(client as unknown as Client)).toThrow(
      new TypeError('client.client_id must be a non-empty string.'),
    );
  });
});

describe('missingSecretError', () => {
  it('asks whether the environment variable is set, and says why a secret is needed', () => {
    expect(missingSecretError('The grant needs one.')).toEqual(
      new TypeError(
        'client.client_secret is missing or empty. If it comes from an environment variable, is the variable set? The grant needs one.',
      ),
    );
  });
});

describe('assertRequestParameters', () => {
  const messageFor = (parameters: unknown, reserved?: string[]): string => {
    try {
      assertRequestParameters(parameters as RequestParameters, reserved);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      return (error as TypeError).message;
    }
    return 'accepted';
  };

  it.each([
    {},
    { scope: 'a b', login_hint: undefined, client_id: undefined },
    { scope: ['a'] },
    { scope: [] },
    { resource: 'https://api.example/' },
    { resource: ['https://a.example/', 'urn:b'], audience: ['a', 'b'] },
    { resource: [] },
  ])('accepts %j', (parameters) => {
    expect(messageFor(parameters)).toBe('accepted');
  });

  it.each(['client_id', 'client_secret', 'client_assertion', 'client_assertion_type', 'state'])(
    'refuses the reserved parameter %s',
    (name) => {
      const message = `The parameter ${name} is reserved: the call sets it, or forbids it. Leave it out.`;
      expect(messageFor({ [name]: '' }, ['state', 'nonce'])).toBe(message);
    },
  );

  it.each([5, null, true, {}, [5], ['a', 'b']])('refuses a scope that is %j (RFC 6749 section 3.2)', (scope) => {
    expect(messageFor({ scope })).toBe('The parameter scope must be one string (scopes are separated by spaces).');
  });

  it.each([5, ['a', 5], [['a']]])('refuses an audience that is %j', (audience) => {
    expect(messageFor({ audience })).toBe('The parameter audience must be a string or an array of strings.');
  });

  it.each(['/path', 'https://a.example/#', ['urn:a', 'b']])(
    'refuses the resource %j (RFC 8707 section 2)',
    (resource) => {
      expect(messageFor({ resource })).toBe(
        'The parameter resource must be an absolute URI without a fragment (RFC 8707 section 2).',
      );
    },
  );
});

describe('parseLoopbackUri (RFC 8252 section 7.3)', () => {
  it.each([
    ['http://localhost', { host: 'localhost', port: 0, path: '' }],
    ['http://127.0.0.1:8400/cb?a=b', { host: '127.0.0.1', port: 8400, path: '/cb?a=b' }],
    ['http://[::1]:65535/', { host: '[::1]', port: 65_535, path: '/' }],
    ['http://localhost:80?a', { host: 'localhost', port: 80, path: '?a' }],
  ])('reads %s', (uri, parts) => {
    expect(parseLoopbackUri(uri)).toEqual(parts);
  });

  it.each([
    'https://localhost/cb',
    'http://127.0.0.2/cb',
    'http://localhost.example/cb',
    'http://localhost@evil.example/cb',
    'http://localhost:0/cb',
    'http://localhost:08/cb',
    'http://localhost:65536/cb',
    'http://localhost:/cb',
    'http://localhost/cb#fragment',
    'http://localhost//evil.example',
    'http://localhost/\\evil.example',
    'http://localhost/a/../cb',
    'http://localhost/a/%2e%2e/cb',
    'http://localhost/a b',
    'http://localhost/{cb}',
    'com.example.tool:/cb',
    '/cb',
    '',
  ])('reads nothing from %j, which a browser would not come back to, or another program owns', (uri) => {
    expect(parseLoopbackUri(uri)).toBeUndefined();
  });
});

it('leaves out parameters without a value, and no others (RFC 6749 section 3.1)', () => {
  const kept = { scope: 'read', resource: ['https://a.example'], audience: undefined, max_age: '0' };
  expect(withoutEmptyParameters({ ...kept, acr_values: '', prompt: '' })).toEqual(kept);
});
