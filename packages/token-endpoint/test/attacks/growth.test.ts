import { growthOf } from '@oa-internal/testing';
import type { HttpResponse } from '@oa/http';
import { isOAuthError } from '@oa/types';
import { expect, it } from 'vitest';
import { assertRefreshNotRefused } from '../../src/refusal.ts';
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
function ignoreRefusal(work: () => unknown): void {
  try {
    work();
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
    ignoreRefusal(() => assertRefreshNotRefused({ ...RESPONSE, text })),
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
  const growth = await growthOf(repeat('a'), (text) => {
    const token = { access_token: `${text}\n`, token_type: text };
    ignoreRefusal(() => assertAccessToken(token));
    ignoreRefusal(() => tokenTypeOf(token, undefined));
  });
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});
