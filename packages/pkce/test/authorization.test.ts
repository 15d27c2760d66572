import type { AuthorizationServer, RequestParameters } from '@oa/types';
import { describe, expect, it } from 'vitest';
import * as pkce from '../src/index.ts';
import { login } from '../src/loopback.ts';
import { client, refusedBy } from './help.ts';

const { authorizationUrl } = pkce;

const server: AuthorizationServer = {
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
};
const required = {
  redirect_uri: 'http://127.0.0.1:1234/callback',
  state: 'a-state',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
};

function urlFor(parameters: RequestParameters = {}, more: Partial<AuthorizationServer> = {}): URL {
  return authorizationUrl({ ...server, ...more }, client, { ...required, ...parameters });
}

it('A2, A3: every request has an S256 challenge, whatever the server advertises', () => {
  for (const methods of [undefined, ['plain'], ['S256', 'plain'], []]) {
    const more = methods === undefined ? {} : { code_challenge_methods_supported: methods };
    const query = urlFor({}, more).searchParams;
    expect(query.get('code_challenge')).toBe(required.code_challenge);
    expect(query.get('code_challenge_method')).toBe('S256');
  }
  expect(urlFor({ code_challenge_method: 'S256', response_type: 'code' }).searchParams.getAll('response_type')).toEqual(
    ['code'],
  );
});

it('A9: resource is repeated as it came, and refused unless absolute and without a fragment', () => {
  const resources = ['https://api.example/v1', 'HTTPS://api.example/B?x=1'];
  expect(urlFor({ resource: resources }).searchParams.getAll('resource')).toEqual(resources);
  expect(urlFor({ resource: 'urn:api' }).searchParams.getAll('resource')).toEqual(['urn:api']);
  for (const resource of ['/relative', 'https://api.example/#part', '', ['https://ok.example', 'nope']])
    expect(() => urlFor({ resource })).toThrow(/parameters.resource has to be an absolute URI/);
});

it('A10: nothing is asked for that the caller did not ask for', () => {
  expect(urlFor({ scope: 'read' }).href).toBe(
    'https://as.example/authorize?response_type=code&client_id=oa-test&redirect_uri=http%3A%2F%2F127.0.0.1%3A1234%2Fcallback&state=a-state&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&scope=read&code_challenge_method=S256',
  );
  expect(urlFor().searchParams.has('scope')).toBe(false);
});

it('A1, A11: there is no way to a password, an implicit grant or a form of our own', async () => {
  expect(Object.keys(pkce).toSorted()).toEqual(['authorizationUrl', 'createPkce', 'exchangeCode', 'readCallback']);
  expect(Object.keys(await import('../src/loopback.ts')).toSorted()).toEqual([
    'canAskPerson',
    'login',
    'loopbackRedirectUris',
  ]);
  expect(() => urlFor({ response_type: 'token' })).toThrow('parameters.response_type can only be code');
});

describe('A12: extra parameters cannot override the security of a request', () => {
  it.each(['request', 'request_uri', 'code_verifier', 'client_secret', 'client_id', 'code'])(
    'authorizationUrl refuses %s',
    (name) =>
      expect(() => urlFor({ [name]: 'x' })).toThrow(
        new TypeError(`parameters.${name} has no place in an authorization URL`),
      ),
  );
  it('authorizationUrl refuses another challenge method', () => {
    expect(() => urlFor({ code_challenge_method: 'plain' })).toThrow(TypeError);
  });
  it.each([
    'client_id',
    'code_challenge',
    'code_challenge_method',
    'nonce',
    'redirect_uri',
    'response_mode',
    'response_type',
    'state',
  ])('login refuses %s', async (name) => {
    const opened: string[] = [];
    const attempt = login(server, client, { [name]: 'x' }, { openBrowser: (url) => opened.push(url) });
    await expect(attempt).rejects.toThrow(new TypeError(`parameters.${name} is chosen by the login itself`));
    expect(opened).toEqual([]);
  });
  it('a parameter of this request in the endpoint of the metadata is replaced', () => {
    const url = urlFor({}, { authorization_endpoint: 'https://as.example/authorize?state=evil&p=b2c%20x#here' });
    expect(url.searchParams.getAll('state')).toEqual(['a-state']);
    expect(url.searchParams.get('p')).toBe('b2c x');
    expect(url.hash).toBe('');
  });
});

it('keeps the query of the endpoint as it is', () => {
  const url = urlFor({}, { authorization_endpoint: 'https://as.example/authorize?p=b2c%20x&q' });
  expect(url.search).toMatch(/^\?p=b2c%20x&q&response_type=code&/);
});

it('adds a nonce where the scope holds openid, since some servers insist', () => {
  const nonces = [1, 2].map(() => urlFor({ scope: 'read openid' }).searchParams.get('nonce'));
  expect(nonces[0]).toMatch(/^[\w-]{43}$/);
  expect(nonces[0]).not.toBe(nonces[1]);
  expect(urlFor({ scope: 'openid', nonce: 'mine' }).searchParams.getAll('nonce')).toEqual(['mine']);
  expect(urlFor({ scope: 'openidish' }).searchParams.has('nonce')).toBe(false);
});

it.each([
  [{ state: undefined }, 'parameters.state is required'],
  [{ state: '' }, 'parameters.state is required'],
  [{ redirect_uri: undefined }, 'parameters.redirect_uri is required'],
  [{ code_challenge: undefined }, 'parameters.code_challenge is required'],
  [{ code_challenge: 'short' }, 'has to be an S256 challenge'],
  [{ scope: ['a', 'b'] }, 'parameters.scope has to be a string'],
  [{ audience: [1] as never }, 'parameters.audience has to be a string or an array of strings'],
  [{ prompt: null as never }, 'parameters.prompt has to be a string'],
])('wrong parameters %j are a TypeError', (parameters, message) => {
  expect(() => urlFor(parameters)).toThrow(message);
  expect(() => urlFor(parameters)).toThrow(TypeError);
});

it('needs a client_id', () => {
  for (const wrong of [{ client_id: '' }, {}, undefined])
    expect(() => authorizationUrl(server, wrong as never, required)).toThrow('client.client_id has to be a string');
});

it.each([
  [undefined, 'endpoint_missing'],
  ['http://as.example/authorize', 'insecure_url'],
  ['javascript:alert(1)', 'insecure_url'],
  ['file:///etc/passwd', 'insecure_url'],
  ['not a url', 'insecure_url'],
])('the authorization endpoint %s ends in %s', (authorization_endpoint, code) => {
  const more = { ...server, authorization_endpoint } as AuthorizationServer;
  if (authorization_endpoint === undefined) delete more.authorization_endpoint;
  expect(refusedBy(() => authorizationUrl(more, client, required)).code).toBe(code);
});

it.each(['http://127.0.0.1:8080/a', 'http://[::1]/a', 'http://localhost/a'])(
  'plain http is fine on loopback: %s',
  (url) => {
    expect(urlFor({}, { authorization_endpoint: url }).href.startsWith(url)).toBe(true);
  },
);
