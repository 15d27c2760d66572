import { growthOf } from '@oa-internal/testing';
import { attempt } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { authorizationUrl, readCallback } from '@oa/pkce';

/** The exponent of the growth is about 1 for linear work, and 2 for quadratic work. */
const MAX_EXPONENTS = 1.5;

const issuer = 'https://as.example';
const token_endpoint = `${issuer}/token`;
const client = { client_id: 'x' };
const parameters = { redirect_uri: 'http://127.0.0.1/callback', state: 's', code_challenge: 'c'.repeat(43) };
const repeat = (text: string) => (size: number) => text.repeat(Math.ceil(size / text.length));

it.each<[string, (size: number) => string]>([
  ['a long path', repeat('a/')],
  ['dots', repeat('../')],
  ['spaces and quotes', repeat(' "')],
  ['different parameters', (size) => `?${Array.from({ length: size / 8 }, (_, index) => `p${index}=b`).join('&')}`],
  ['escapes', (size) => `?${repeat('%73tate=%&')(size)}`],
  ['a fragment', (size) => `#${repeat('x')(size)}`],
])('builds the URL for an authorization_endpoint of %s in linear time', async (_name, createText) => {
  const growth = await growthOf(
    (size) => ({ issuer, token_endpoint, authorization_endpoint: `${issuer}/${createText(size)}` }),
    (server) => authorizationUrl(server, client, parameters),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

describe('many parameters without values, for which Node.js takes quadratic time,', () => {
  const QUERY_CHARACTERS = 512 * 1024;
  /** Quadratic work takes 20 times as long and more. Collecting garbage accounts for the rest. */
  const MAX_TIMES = 8;
  const [withValues, withoutValues] = ['state=&a=&', 'state&a&'].map((text) => repeat(text)(QUERY_CHARACTERS));

  /** The shortest time in milliseconds of several rounds: other processes only make it longer. */
  function shortestTime(work: () => unknown): number {
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      work();
      return performance.now() - start;
    });
    return Math.min(...times);
  }

  it.each<[string, (query: string | undefined) => unknown]>([
    [
      'in an authorization_endpoint',
      (query) =>
        authorizationUrl({ issuer, token_endpoint, authorization_endpoint: `${issuer}/?${query}` }, client, parameters),
    ],
    [
      'in a callback',
      (query) =>
        expect(() =>
          readCallback(`${parameters.redirect_uri}?${query}`, { state: 's', server: { issuer, token_endpoint } }),
        ).toThrow('state'),
    ],
  ])('%s take about as long as with values', (_name, work) => {
    const time = shortestTime(() => work(withoutValues));
    expect(time / shortestTime(() => work(withValues))).toBeLessThan(MAX_TIMES);
  });
});

it.each<[string, (size: number) => string]>([
  ['a long code', (size) => `code=${repeat('c')(size)}`],
  ['many codes', repeat('code=c&')],
  ['many states', repeat('state=s&')],
  ['a long state', (size) => `state=${repeat('s')(size)}`],
  ['a long error', (size) => `error=${repeat('e.')(size)}`],
  ['a description of escape sequences', (size) => `error=e&error_description=${repeat('%1B[31m')(size)}`],
  ['a description of full stops', (size) => `error=e&error_description=${repeat('. ')(size)}`],
  ['a description that is not ASCII', (size) => `error=e&error_description=${repeat('é"')(size)}`],
  ['an issuer of another server', (size) => `iss=${repeat('x/')(size)}`],
])('reads a callback of %s in linear time', async (_name, createQuery) => {
  const growth = await growthOf(
    (size) => `${parameters.redirect_uri}?state=s&${createQuery(size)}`,
    (url) =>
      attempt(
        Promise.resolve(url).then((each) => readCallback(each, { state: 's', server: { issuer, token_endpoint } })),
      ),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});
