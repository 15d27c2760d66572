import { errorThrownBy } from '@oa-internal/testing';
import type { AuthorizationServer, RequestParameters } from '@oa/types';
import { describe, expect, it } from 'vitest';
import * as pkce from '@oa/pkce';
import { client, metadata } from './help.ts';

const { authorizationUrl } = pkce;

const server = metadata({ origin: 'https://as.example' });
const required = {
  redirect_uri: 'http://127.0.0.1:1234/callback',
  state: 'a-state',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
};

function urlFor(parameters: RequestParameters = {}, more: Partial<AuthorizationServer> = {}): URL {
  return authorizationUrl({ ...server, ...more }, client, { ...required, ...parameters });
}

it('leaves out a parameter without a value (RFC 6749 section 3.1)', () => {
  const { searchParams } = urlFor({
    acr_values: '',
    max_age: '',
    prompt: '',
    nonce: '',
    scope: 'openid offline_access',
  });
  const sent = [...searchParams.keys()].filter((name) => !Object.hasOwn(required, name));
  expect(sent.toSorted()).toEqual(['client_id', 'code_challenge_method', 'response_type', 'scope']);
});

it('sends an S256 challenge, whether or not the server advertises it (RFC 7636 section 4.2)', () => {
  for (const methods of [undefined, ['S256'], ['S256', 'plain'], []]) {
    const more = methods === undefined ? {} : { code_challenge_methods_supported: methods };
    const query = urlFor({}, more).searchParams;
    expect(query.get('code_challenge')).toBe(required.code_challenge);
    expect(query.get('code_challenge_method')).toBe('S256');
  }
  expect(urlFor({ code_challenge_method: 'S256', response_type: 'code' }).searchParams.getAll('response_type')).toEqual(
    ['code'],
  );
});

it('refuses a server that lists other PKCE methods only, and with requirePkce one that lists none (RFC 8414 section 2)', () => {
  const build = (methods: string[] | undefined, requirePkce?: boolean): URL =>
    authorizationUrl(
      { ...server, code_challenge_methods_supported: methods } as AuthorizationServer,
      client,
      required,
      {
        requirePkce,
      },
    );
  for (const requirePkce of [undefined, false, true]) {
    expect(errorThrownBy(() => build(['plain'], requirePkce))).toMatchObject({
      code: 'pkce_unsupported',
      message:
        'https://as.example lists only other PKCE methods than S256: plain. No login was started, because a stolen code could be used there. Ask the server operator to support S256 and to publish it.',
    });
    expect(build(['plain', 'S256'], requirePkce)).toBeInstanceOf(URL);
  }
  for (const methods of [undefined, []]) {
    expect(build(methods)).toBeInstanceOf(URL);
    expect(errorThrownBy(() => build(methods, true))).toMatchObject({
      code: 'pkce_unsupported',
      message: expect.stringContaining('lists no PKCE methods (code_challenge_methods_supported)'),
    });
  }
});

it('refuses authorization_details of a type that the server does not list, and of a wrong form (RFC 9396 section 10)', () => {
  const more = { authorization_details_types_supported: ['payment'] };
  const details = (type: unknown): RequestParameters => ({ authorization_details: JSON.stringify([{ type }]) });
  const { searchParams } = urlFor(details('payment'), more);
  expect(searchParams.get('authorization_details')).toBe('[{"type":"payment"}]');
  expect(urlFor(details('other')).searchParams.has('authorization_details')).toBe(true);
  expect(errorThrownBy(() => urlFor(details('other'), more))).toMatchObject({
    code: 'authorization_details_unsupported',
    message:
      'https://as.example does not list the type other of authorization_details. It lists payment. Use one of these types.',
  });
  for (const wrong of ['payment', '{}', '[1]', '[null]', '[{}]', '[{"type":""}]', '[{"type":1}]'])
    expect(() => urlFor({ authorization_details: wrong })).toThrow(TypeError);
});

it('repeats resource unchanged, and refuses one that is relative or has a fragment (RFC 8707 section 2)', () => {
  const resources = ['https://api.example/v1', 'HTTPS://api.example/B?x=1'];
  expect(urlFor({ resource: resources }).searchParams.getAll('resource')).toEqual(resources);
  expect(urlFor({ resource: 'urn:api' }).searchParams.getAll('resource')).toEqual(['urn:api']);
  for (const resource of ['/relative', 'https://api.example/#part', '', ['https://ok.example', 'nope']])
    expect(() => urlFor({ resource })).toThrow(/resource must be an absolute URI/);
});

it('requests only what the caller asked for', () => {
  expect(urlFor({ scope: 'read' }).href).toBe(
    'https://as.example/authorize?response_type=code&client_id=oa-test&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcallback&state=a-state&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&scope=read&code_challenge_method=S256',
  );
  expect(urlFor().searchParams.has('scope')).toBe(false);
});

it('exports no password grant and no implicit grant (RFC 9700 sections 2.1.2 and 2.4)', () => {
  expect(Object.keys(pkce).toSorted()).toEqual([
    'authorizationUrl',
    'createPkce',
    'exchangeCode',
    'pushAuthorizationRequest',
    'readCallback',
  ]);
  expect(() => urlFor({ response_type: 'token' })).toThrow('parameters.response_type must be code.');
});

describe('extra parameters cannot override the security of a request', () => {
  it.each(['request', 'request_uri', 'code_verifier', 'client_secret', 'client_id', 'code'])('refuses %s', (name) => {
    expect(() => urlFor({ [name]: 'x' })).toThrow(TypeError);
    expect(() => urlFor({ [name]: 'x' })).toThrow(`The parameter ${name} is reserved`);
  });

  it('refuses another challenge method', () => {
    expect(() => urlFor({ code_challenge_method: 'plain' })).toThrow(TypeError);
  });

  it('replaces a parameter of the request that is already in the endpoint (RFC 6749 section 3.1)', () => {
    const url = urlFor({}, { authorization_endpoint: 'https://as.example/authorize?state=evil&p=b2c%20x#here' });
    expect(url.searchParams.getAll('state')).toEqual(['a-state']);
    expect(url.searchParams.get('p')).toBe('b2c x');
    expect(url.hash).toBe('');
  });
});

it('keeps the query of the endpoint unchanged (RFC 6749 section 3.1)', () => {
  const url = urlFor({}, { authorization_endpoint: 'https://as.example/authorize?p=b2c%20x&q' });
  expect(url.search).toMatch(/^\?p=b2c%20x&q&response_type=code&/);
});

it('adds a nonce if the scope contains openid, because some servers require it', () => {
  const nonces = [1, 2].map(() => urlFor({ scope: 'read openid' }).searchParams.get('nonce'));
  expect(nonces[0]).toMatch(/^[\w-]{43}$/);
  expect(nonces[0]).not.toBe(nonces[1]);
  expect(urlFor({ scope: 'openid', nonce: 'mine' }).searchParams.getAll('nonce')).toEqual(['mine']);
  expect(urlFor({ scope: 'openidish' }).searchParams.has('nonce')).toBe(false);
});

it('asks for consent with offline_access, unless the caller or the endpoint names a prompt (OpenID Connect Core section 11)', () => {
  const promptsFor = (parameters: RequestParameters, endpoint = 'https://as.example/authorize'): string[] =>
    urlFor(parameters, { authorization_endpoint: endpoint }).searchParams.getAll('prompt');
  expect(promptsFor({ scope: 'openid offline_access' })).toEqual(['consent']);
  expect(promptsFor({ scope: 'offline_access', prompt: undefined })).toEqual(['consent']);
  expect(promptsFor({ scope: 'openid offline_access', prompt: 'login' })).toEqual(['login']);
  expect(promptsFor({ scope: 'openid offline_access' }, 'https://as.example/authorize?prompt=login')).toEqual([
    'login',
  ]);
  for (const scope of [undefined, 'openid', 'read offline_access_all', 'not:offline_access'])
    expect(promptsFor({ scope })).toEqual([]);
});

it.each([
  [{ state: undefined }, 'parameters.state must be a non-empty string.'],
  [{ state: '' }, 'parameters.state must be a non-empty string.'],
  [{ redirect_uri: undefined }, 'parameters.redirect_uri must be a non-empty string.'],
  [{ code_challenge: undefined }, 'parameters.code_challenge must be a non-empty string.'],
  [{ code_challenge: 'short' }, 'must be an S256 challenge'],
  // A key in place of its thumbprint would get into the history of the browser.
  [{ dpop_jkt: '{"kty":"EC","d":"secret"}' }, 'parameters.dpop_jkt must be the thumbprint of a DPoP key'],
  [{ dpop_jkt: '' }, 'parameters.dpop_jkt must be the thumbprint of a DPoP key'],
  [{ scope: ['a', 'b'] }, 'The parameter scope must be one string'],
  [{ audience: [1] as never }, 'The parameter audience must be a string or an array of strings.'],
  [{ prompt: null as never }, 'The parameter prompt must be one string'],
])('throws a TypeError for the parameters %j', (parameters, message) => {
  expect(() => urlFor(parameters)).toThrow(message);
  expect(() => urlFor(parameters)).toThrow(TypeError);
});

it('sends the thumbprint of a DPoP key (RFC 9449 section 10)', () => {
  const dpop_jkt = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';
  expect(urlFor({ dpop_jkt }).searchParams.get('dpop_jkt')).toBe(dpop_jkt);
});

it('requires a client_id', () => {
  for (const wrong of [{ client_id: '' }, {}, undefined])
    expect(() => authorizationUrl(server, wrong as never, required)).toThrow('client.client_id must be a non-empty');
});

it.each([
  [undefined, 'endpoint_missing'],
  ['http://as.example/authorize', 'insecure_url'],
  ['javascript:alert(1)', 'insecure_url'],
  ['file:///etc/passwd', 'insecure_url'],
  ['not a url', 'insecure_url'],
  // A user may take the user name for the host.
  ['https://bank.example@as.example/authorize', 'insecure_url'],
  ['https://:secret@as.example/authorize', 'insecure_url'],
])('refuses the authorization endpoint %s with %s', (authorization_endpoint, code) => {
  const more = { ...server, authorization_endpoint } as AuthorizationServer;
  if (authorization_endpoint === undefined) delete more.authorization_endpoint;
  expect(errorThrownBy(() => authorizationUrl(more, client, required)).code).toBe(code);
});

it.each(['http://127.0.0.1:8080/a', 'http://[::1]/a', 'http://localhost/a'])(
  'accepts plain http on the loopback endpoint %s',
  (url) => {
    expect(urlFor({}, { authorization_endpoint: url }).href.startsWith(url)).toBe(true);
  },
);
