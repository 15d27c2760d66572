import { growthOf } from '@oa-internal/testing';
import type { HttpResponse } from '@oa/http';
import { isOAuthError } from '@oa/types';
import { expect, it } from 'vitest';
import { refreshToken } from '@oa/token-endpoint';
import { assertRefreshNotRefused } from '../../src/refusal.ts';
import { namesRefusedRefreshToken, namesRefusedToken } from '../../src/refusal-text.ts';
import { assertAccessToken, stampToken, tokenTypeOf } from '../../src/token.ts';

/** The exponent of the growth is about 1 for linear work, and 2 for quadratic work. */
const MAX_EXPONENTS = 1.5;

const RESPONSE: HttpResponse = {
  url: 'https://as.example/token',
  status: 400,
  headers: new Headers(),
  text: '',
  sentAt: 0,
};
const TOKEN = { access_token: 'a', token_type: 'Bearer' };

/** The time counts, whatever the outcome. */
async function ignoreRefusal(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isOAuthError(error)) throw error;
  }
}

const repeat = (text: string) => (size: number) => text.repeat(Math.ceil(size / text.length));

it.each<[string, (size: number) => string]>([
  ['the beginning of a refusal', repeat('refresh token ')],
  ['the beginning of a code', repeat('invalid.invalid grand ')],
  ['words between', (size) => `refresh_token ${repeat('. ')(size)}expired`],
  ['spaces', repeat(' ')],
  ['line breaks', repeat('\r\n')],
])('searches a refusal in a text of %s in linear time', async (_name, createText) => {
  const growth = await growthOf(createText, (text) =>
    ignoreRefusal(() => assertRefreshNotRefused({ ...RESPONSE, text }, false)),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each<[string, (size: number) => object]>([
  ['many texts', (size) => ({ errors: Array.from({ length: size / 4 }, () => 'a') })],
  ['one long text', (size) => ({ message: repeat('refresh token not ')(size) })],
  [
    'many members',
    (size) => Object.fromEntries(Array.from({ length: size / 12 }, (_, index) => [`refresh${index}`, 1])),
  ],
  [
    'objects in objects',
    (size) => JSON.parse(`${'{"a":'.repeat(60)}"${repeat('x')(size)}"${'}'.repeat(60)}`) as object,
  ],
])('searches a refusal in JSON with %s in linear time', async (_name, create) => {
  const growth = await growthOf(
    (size) => JSON.stringify(create(size)),
    (text) => ignoreRefusal(() => assertRefreshNotRefused({ ...RESPONSE, text }, false)),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each<[string, (size: number) => string]>([
  ['upper and lower case', repeat('aA')],
  ['ends of sentences', repeat('. ')],
  ['words', repeat('token was ')],
  ['long words', repeat('a1-.')],
  ['fillers', (size) => `${repeat('the ')(size)}token`],
])('searches a text of %s in linear time', async (_name, createText) => {
  const growth = await growthOf(createText, (text) => [namesRefusedRefreshToken(text), namesRefusedToken(text)]);
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it('keeps the members of an old token in linear time', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const growth = await growthOf(
    (size) => ({ ...TOKEN, refresh_token: 'r', [repeat('valid_not')(size)]: 1, [repeat('?#')(size)]: 1 }),
    async (token) => {
      const fetch = async (): Promise<Response> => Response.json(TOKEN);
      await refreshToken(server, { client_id: 'c' }, token, {}, { fetch });
    },
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each<[string, (size: number) => string]>([
  ['digits', repeat('9')],
  ['spaces', (size) => `${repeat(' ')(size)}x`],
  ['decimals', (size) => `1.${repeat('0')(size)}1`],
  ['an exponent', (size) => `1e${repeat('0')(size)}1`],
  ['months', repeat('Jan ')],
  ['brackets', repeat('(')],
  ['signs', repeat('-')],
  ['a fraction of a second', (size) => `2030-01-01T00:00:00.${repeat('0')(size)}Z`],
])('reads an expires_at of %s in linear time', async (_name, createText) => {
  const growth = await growthOf(createText, (expires_at) => stampToken({ ...TOKEN, expires_at }, 0));
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it('checks the access token and its type in linear time', async () => {
  const growth = await growthOf(repeat('a'), async (text) => {
    const token = { access_token: `${text}\n`, token_type: text };
    await ignoreRefusal(() => assertAccessToken(token));
    await ignoreRefusal(() => tokenTypeOf(token, undefined, [text]));
  });
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});
