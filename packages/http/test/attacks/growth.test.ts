import { startScriptedServer } from '@oa-internal/scripted-server';
import { growthOf } from '@oa-internal/testing';
import { parseJson } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';
import { isScope, mergeScopes, toErrorText } from '@oa/types/rfc';
import {
  authorizationServerSchema,
  clientSchema,
  protectedResourceSchema,
  secondsSchema,
  tokenResponseSchema,
} from '@oa/types/schemas';
import { describe, expect, it } from 'vitest';
import { readError, readJson, request, type HttpResponse } from '@oa/http';
import { parseBody, parseBoundedJson } from '../../src/parse.ts';
import { parseRetryAfter } from '../../src/retry.ts';

/** Linear work has the exponent 1, quadratic work 2. */
const MAX_GROWTH_FACTOR = 1.5;
/** Smaller bodies hide what grows slowly at first. */
const MIN_SIZE_CHARACTERS = 24 * 1024;

const list = (count: number, item: (index: number) => unknown): unknown[] =>
  Array.from({ length: count }, (_, index) => item(index));
const nested = (levels: number, value: unknown): unknown => (levels === 0 ? value : [nested(levels - 1, value)]);
const members = (count: number): object =>
  Object.fromEntries(list(count, (index) => [`member-${index}`, 'value']) as [string, string][]);

/** Bodies of about `size` bytes. */
const ERROR_BODIES: [string, (size: number) => object][] = [
  [
    'short tokens, which a long description does not have',
    (size) => ({
      error_description: 'b'.repeat(size / 2),
      access_token: list(size / 16, (index) => `c${index.toString(36)}`),
    }),
  ],
  [
    'tokens of which a description has the first letter again and again',
    (size) => ({
      error_description: 'aZ'.repeat(size / 4),
      access_token: list(size / 16, (index) => `aab${index.toString(36)}`),
    }),
  ],
  [
    'tokens, of which a description has the beginnings',
    (size) => ({
      error_description: 'secret-numbe'.repeat(size / 24),
      id_token: list(size / 44, (index) => `secret-number-${index}`),
    }),
  ],
  [
    'tokens, which a description has',
    (size) => ({
      error_description: list(size / 32, (index) => `secret-${index}`).join(' '),
      refresh_token: list(size / 32, (index) => `secret-${index}`),
    }),
  ],
  [
    'one long token, which the description has',
    (size) => ({ error_description: 'ab1'.repeat(size / 6), access_token: 'ab1'.repeat(size / 6) }),
  ],
  [
    'tokens deep in arrays',
    (size) => ({
      access_token: nested(
        60,
        list(size / 12, () => 'a-token'),
      ),
    }),
  ],
  ['tokens in objects', (size) => ({ access_token: list(size / 24, () => ({ token: 'a-token' })) })],
  ['tokens under many names', (size) => ({ access_token: members(size / 24) })],
  ['the name of a token again and again', (size) => ({ error_description: 'access_token: '.repeat(size / 14) })],
  ['dots and letters', (size) => ({ error_description: 'a'.repeat(size / 2) + '.'.repeat(size / 2) })],
  ['control characters', (size) => ({ error_description: '\u0001a'.repeat(size / 7) })],
  ['pieces of what was sent', (size) => ({ error_description: 'the-sent-secret-0123 '.repeat(size / 21) })],
  ['addresses', (size) => ({ error_uri: 'https://'.repeat(size / 8) })],
  ['a long address', (size) => ({ error_uri: `https://as.example/${'oauth2-error-'.repeat(size / 13)}` })],
  [
    'an address of parts with one digit each',
    (size) => ({ error_uri: `https://as.example/${'1-'.repeat(size / 2)}a~` }),
  ],
  [
    'an address that is a description',
    (size) => ({ error_description: `https://as.example/${'1-a'.repeat(size / 3)}~` }),
  ],
  ['a nested code', (size) => ({ error: { code: 'invalid_'.repeat(size / 8), type: 'x '.repeat(size / 2) } })],
  ['a long code', (size) => ({ error: 'invalid_'.repeat(size / 8) })],
  ['a long message', (size) => ({ error: { message: 'It is bad. '.repeat(size / 11) } })],
];

/** A response as `request` returns it. */
function toResponse(status: number, json: object): HttpResponse {
  return { url: 'https://as.example/', status, headers: new Headers(), text: JSON.stringify(json), sentAt: 0 };
}

describe('reading an error takes time in proportion to its size (hardening)', () => {
  it.each(ERROR_BODIES)('with %s', async (_, body) => {
    const answer = (size: number): HttpResponse => toResponse(400, { error: 'x', ...body(size) });
    expect(await growthOf(answer, readError, MIN_SIZE_CHARACTERS)).toBeLessThan(MAX_GROWTH_FACTOR);
  });

  it('with 256 kB of tokens from a real server: it takes less than 500 times as long as to parse the body', async () => {
    const tokens = list(8000, (index) => `secret-${index}`);
    const json = { error: 'x', error_description: tokens.join(' ').slice(0, 120_000), access_token: tokens };
    await using server = await startScriptedServer(() => ({ status: 400, json }));
    const form = { refresh_token: 'the-sent-secret-0123456789', client_assertion: 'eyJhbGciOi.'.repeat(100) };
    const response = await request('POST', server.origin, { form });
    const parsing = await shortestTime(() => parseBoundedJson(response.text));
    expect(await shortestTime(() => readError(response))).toBeLessThan(500 * parsing);
    expect((await readError(response))?.error_description).toMatch(/^\*\*\*/);
  });
});

/** Members that every schema knows, so that no schema ends early. */
const required = {
  issuer: 'https://as.example',
  token_endpoint: 'https://as.example/token',
  resource: 'https://api.example',
  client_id: 'client',
  access_token: 'token',
};

const DOCUMENTS: [string, (size: number) => object][] = [
  [
    'many strings',
    (size) => ({
      scopes_supported: list(size / 7, () => 'read'),
      scope: list(size / 7, () => 'read'),
      redirect_uris: list(size / 7, () => 'read'),
    }),
  ],
  [
    'many wrong items',
    (size) => ({
      scopes_supported: list(size / 2, () => 1),
      scope: list(size / 2, () => 1),
      redirect_uris: list(size / 2, () => 1),
    }),
  ],
  ['many members', (size) => members(size / 24)],
  ['many members, but not the required ones', (size) => ({ ...members(size / 24), access_token: undefined })],
  [
    'many levels',
    (size) => ({
      scopes_supported: nested(
        60,
        list(size / 2, () => 1),
      ),
      scope: nested(
        60,
        list(size / 2, () => 1),
      ),
    }),
  ],
  [
    'long numbers',
    (size) => ({ expires_in: `1.${'1'.repeat(size)}x`, client_secret_expires_at: `1${' '.repeat(size)}x` }),
  ],
  [
    'long addresses',
    (size) => ({
      jwks_uri: `https://as.example/${'a/../'.repeat(size / 5)}`,
      registration_client_uri: `https://${'\u00fc.'.repeat(size / 3)}example`,
    }),
  ],
];
const SCHEMAS = {
  authorizationServerSchema,
  clientSchema,
  protectedResourceSchema,
  secondsSchema,
  tokenResponseSchema,
};

describe.each(Object.entries(SCHEMAS))('%s takes time in proportion to the document (hardening)', (_, schema) => {
  it.each(DOCUMENTS)('with %s', async (_, document) => {
    const answer = (size: number): HttpResponse => toResponse(200, { ...required, ...document(size) });
    const read = (response: HttpResponse): unknown => outcomeOf(readJson<unknown>(response, schema));
    expect(await growthOf(answer, read, MIN_SIZE_CHARACTERS)).toBeLessThan(MAX_GROWTH_FACTOR);
  });
});

const TEXTS: [string, (text: string) => unknown, (size: number) => string][] = [
  ['parseJson of brackets', parseJson, (size) => '['.repeat(size / 2) + ']'.repeat(size / 2)],
  ['parseBoundedJson of brackets', parseBoundedJson, (size) => '['.repeat(size / 2) + ']'.repeat(size / 2)],
  ['parseBoundedJson of numbers', parseBoundedJson, (size) => `[${'1,'.repeat(size / 2)}1]`],
  ['parseBoundedJson of names', parseBoundedJson, (size) => JSON.stringify(members(size / 24))],
  [
    'parseBoundedJson of numbers as names',
    parseBoundedJson,
    (size) => JSON.stringify(Object.fromEntries(list(size / 16, (index) => [index * 1024, 1]) as [number, 1][])),
  ],
  ['parseBody of byte order marks', parseBody, (size) => `${'\uFEFF'.repeat(size)}x`],
  ['parseBody of parts without a value', parseBody, (size) => `error=x${'&a'.repeat(size / 2)}`],
  ['parseBody of separators', parseBody, (size) => `error=${'&'.repeat(size)}`],
  ['parseBody of a long value', parseBody, (size) => `error=${'%C3'.repeat(size / 3)}`],
  ['parseBody of a long name', parseBody, (size) => 'a.'.repeat(size / 2)],
  ['readError of plain text', readText, (size) => `${' '.repeat(size)}<`],
  ['readError of spaces', readText, (size) => ' '.repeat(size)],
  ['readError of a sentence', readText, (size) => 'It is bad. '.repeat(size / 11)],
  ['readJson of spaces', readCut, (size) => `${' '.repeat(size)}x`],
  ['readJson of a bracket and spaces', readCut, (size) => `{${' '.repeat(size)}x`],
  ['parseRetryAfter of digits', retryAfter, (size) => `${'9'.repeat(size)}.x`],
  ['parseRetryAfter of a date', retryAfter, (size) => `Sun, ${'Nov '.repeat(size / 4)}`],
  ['parseRetryAfter of a comment', retryAfter, (size) => `Sun, ${'('.repeat(size)}`],
  ['toErrorText of control characters', toErrorText, (size) => '\u0001a'.repeat(size / 2)],
  ['isScope of spaces', (text) => isScope(text, 1e9), (size) => ' '.repeat(size)],
  ['mergeScopes of scopes', (text) => mergeScopes(text, text), (size) => list(size / 8, (index) => index).join(' ')],
  [
    'the members of an OAuthError',
    (text) => new OAuthError('timeout', text, { error: text, error_description: text, error_uri: text }),
    (size) => '\u001b\u202ea'.repeat(size / 3),
  ],
];

it.each(TEXTS)('%s takes time in proportion to the text (hardening)', async (_, read, make) => {
  expect(await growthOf(make, read, MIN_SIZE_CHARACTERS)).toBeLessThan(MAX_GROWTH_FACTOR);
});

/** As plain text, which an error quotes. */
function readText(text: string): unknown {
  return readError({ ...toResponse(400, {}), text });
}

function readCut(text: string): unknown {
  return outcomeOf(readJson<unknown>({ ...toResponse(200, {}), text }, tokenResponseSchema));
}

function retryAfter(text: string): number | undefined {
  return parseRetryAfter(new Headers({ 'retry-after': text }));
}

async function outcomeOf(read: Promise<unknown>): Promise<unknown> {
  try {
    return await read;
  } catch (error) {
    return error;
  }
}

/** Milliseconds. The shortest of three times counts: other processes only make it longer. */
async function shortestTime(work: () => unknown): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round += 1) {
    const start = performance.now();
    await work();
    shortest = Math.min(shortest, performance.now() - start);
  }
  return shortest;
}
