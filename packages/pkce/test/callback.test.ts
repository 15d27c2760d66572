import { errorThrownBy, inspectAll } from '@oa-internal/testing';
import type { OAuthError } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { readCallback } from '@oa/pkce';

const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
const announced = { ...server, authorization_response_iss_parameter_supported: true };
const expected = { state: 'secret-state-0123456789', server };

function read(query: string, other: Partial<typeof expected> = {}): string {
  return readCallback(`http://127.0.0.1:1/callback?${query}`, { ...expected, ...other });
}

function refused(query: string, other: Partial<typeof expected> = {}): OAuthError {
  return errorThrownBy(() => read(query, other));
}

const good = `state=${expected.state}`;

it('returns the code, decoded', () => {
  expect(read(`${good}&code=a%2Fb+c`)).toBe('a/b c');
  expect(readCallback(new URL(`https://x.example/?${good}&code=1&more=2&more=3`), expected)).toBe('1');
});

it.each([
  ['absent', 'code=c'],
  ['empty', 'state=&code=c'],
  ['wrong', 'state=secret-state-0123456780&code=c'],
  ['shorter', 'state=secret-state-012345678&code=c'],
  ['longer', `${good}x&code=c`],
  ['duplicated', `${good}&${good}&code=c`],
  ['duplicated, once wrong', `${good}&state=other&code=c`],
  ['of another case', `state=${expected.state.toUpperCase()}&code=c`],
])('refuses a state that is %s (RFC 6749 section 10.12)', (_, query) => {
  expect(refused(query).code).toBe('state_mismatch');
});

it('checks the state, whether or not the server supports PKCE (RFC 9700 section 2.1)', () => {
  for (const more of [{}, { code_challenge_methods_supported: ['S256'] }])
    expect(refused('code=c', { server: { ...server, ...more } }).code).toBe('state_mismatch');
});

describe('iss (RFC 9207 section 2.4)', () => {
  it('is compared as a string', () => {
    expect(read(`${good}&code=c&iss=https%3A%2F%2Fas.example`)).toBe('c');
    for (const iss of [
      'https://as.example/',
      'https://AS.example',
      'https://as.example:443',
      'https://evil.example',
      '',
    ])
      expect(refused(`${good}&code=c&iss=${encodeURIComponent(iss)}`).code).toBe('issuer_mismatch');
  });
  it('is required if the server announces it', () => {
    expect(refused(`${good}&code=c`, { server: announced }).code).toBe('issuer_mismatch');
    expect(read(`${good}&code=c`)).toBe('c');
  });
  it('is checked on an error response too, before the error', () => {
    expect(refused(`${good}&error=access_denied&iss=https://evil.example`).code).toBe('issuer_mismatch');
    expect(refused(`${good}&error=access_denied`, { server: announced }).code).toBe('issuer_mismatch');
    expect(refused(`${good}&error=access_denied&iss=https://as.example`, { server: announced }).code).toBe(
      'oauth_error',
    );
  });
  it('is checked after the state', () => {
    expect(refused('state=wrong&iss=https://evil.example&error=x').code).toBe('state_mismatch');
  });
});

it('refuses the response of another server although its state is right (RFC 9700 section 4.4.2)', () => {
  const other = { issuer: 'https://other.example', token_endpoint: 'https://other.example/token' };
  expect(refused(`${good}&code=c&iss=https://as.example`, { server: other }).code).toBe('issuer_mismatch');
});

it('ignores an error without the right state (RFC 6749 section 4.1.2.1)', () => {
  for (const query of ['error=access_denied', 'state=wrong&error=access_denied'])
    expect(refused(query)).toMatchObject({ code: 'state_mismatch' });
  expect(refused('error=access_denied').error).toBeUndefined();
});

it('passes the error of the server on, without terminal control characters (RFC 6749 section 4.1.2.1)', () => {
  const description = encodeURIComponent('no \u001B[31mway\u0007 "here"\nok');
  const error = refused(`${good}&error=invalid_scope&error_description=${description}&error_uri=https://as.example/e`);
  expect(error).toMatchObject({
    code: 'oauth_error',
    error: 'invalid_scope',
    error_description: 'no [31mway hereok',
    error_uri: 'https://as.example/e',
    message:
      'The authorization server refused the login with the error invalid_scope: no [31mway hereok. Check the scope.',
  });
  expect(refused(`${good}&error=access_denied`).message).toBe(
    'The login was denied, by you or by the authorization server. Log in again if you want to allow it.',
  );
  expect(refused(`${good}&error=&code=c`)).toMatchObject({ code: 'oauth_error', error: '' });
});

it.each([
  ['invalid_scope', 'Check the scope.'],
  ['unauthorized_client', 'Check that the client is registered for the authorization code grant.'],
  ['temporarily_unavailable', 'Try again later.'],
  ['interaction_required', 'Log in without the prompt none.'],
  ['of_this_server', 'Log in again. If the error stays, ask the operator of the server.'],
  ['constructor', 'Log in again. If the error stays, ask the operator of the server.'],
])('says what helps against the error %s', (error, cure) => {
  expect(refused(`${good}&error=${error}`).message).toBe(
    `The authorization server refused the login with the error ${error}. ${cure}`,
  );
});

it('names the issuer of the login for a response from another one, and what to compare (RFC 9207 section 2.4)', () => {
  expect(refused(`${good}&code=c&iss=https://as.example/`).message).toBe(
    'The authorization response comes from another issuer than https://as.example, where this login is. Log in again. If the error stays, compare the issuer that the program uses with that of the server, up to a slash at its end.',
  );
});

it.each(['code', 'iss', 'error', 'error_description', 'error_uri'])(
  'refuses a repeated %s (RFC 6749 section 3.1)',
  (name) => {
    const one = `${name}=https://as.example`;
    expect(refused(`${good}&code=c&${one}&${one}`)).toMatchObject({ code: 'invalid_callback' });
  },
);

it('refuses a response without a code, and one that is not a URL', () => {
  expect(refused(good).code).toBe('invalid_callback');
  expect(refused(`${good}&code=`).code).toBe('invalid_callback');
  expect(errorThrownBy(() => readCallback('callback?code=x', expected)).code).toBe('invalid_callback');
});

it('shows neither the state nor the code in an error', () => {
  const code = 'secret-code';
  const queries = ['state=x', `${good}&${good}`, `${good}&iss=x`, `${good}&error=e`, `${good}&code=secret-code`];
  for (const query of queries) {
    const text = inspectAll(refused(`${query}&code=${code}`));
    expect(text).not.toContain(code);
    expect(text).not.toContain(expected.state);
  }
});

it('requires a state to compare with', () => {
  for (const wrong of [{ state: '', server }, { server }, undefined])
    expect(() => readCallback('http://127.0.0.1/?state=', wrong as never)).toThrow(TypeError);
});
