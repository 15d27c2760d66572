import { startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import * as fc from 'fast-check';
import { formEncode, toErrorText } from '@oa/types/rfc';
import { looseObject, record, string } from 'valibot';
import { describe, expect, it } from 'vitest';
import { postForm, readError, readJson, request } from '@oa/http';

const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 300);
const schema = looseObject({ name: string() });
const SECRET = 'kX9v/Q2mL7pR4tY8+wZ1cB5nD3fG6h~J0sA-uE_iOqWe=';

const hex = (text: string): string => Buffer.from(text).toString('hex');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const base64Url = (text: string): string => Buffer.from(text).toString('base64url');
const percent = (text: string): string => encodeURIComponent(text.toWellFormed());
const twice = (text: string): string => percent(percent(text));
const swapCase = (text: string): string =>
  text.replaceAll(/[a-z]/gi, (letter) => (letter > 'Z' ? letter.toUpperCase() : letter.toLowerCase()));

/** The part of the base64 of `prefix` and `secret` that depends on the secret alone. */
function base64After(prefix: string, secret: string): string {
  return base64(prefix + secret).slice(Math.ceil((prefix.length * 8) / 6));
}

/** How a server spells a secret. */
const SPELLINGS: Record<string, (secret: string) => string> = {
  plain: (secret) => secret,
  hex,
  base64,
  base64Url,
  percent,
  form: formEncode,
  'percent, twice': twice,
  'form, then percent': (secret) => percent(formEncode(secret)),
  'base64 of id:secret': (secret) => base64After('id:', secret),
  'base64 of my:secret': (secret) => base64After('me-:', secret),
  'base64 of the-id:secret': (secret) => base64After('the-client-1:', secret),
};

/** Whether `text` has `size` characters in a row in common with a spelling of `secret`, in upper or lower case. */
function sharesRun(text: string | undefined, secret: string, size: number): boolean {
  const lower = text?.toLowerCase() ?? '';
  return Object.values(SPELLINGS).some((spell) => {
    const spelling = toErrorText(spell(secret)).toLowerCase();
    return Array.from({ length: spelling.length - size + 1 }, (_, at) => spelling.slice(at, at + size)).some((run) =>
      lower.includes(run),
    );
  });
}

describe('an error shows no 10 characters in a row of a secret (RFC 6750 section 5.3)', () => {
  it.each<[string, string]>([
    ['its beginning and end', `${SECRET.slice(0, 20)}...${SECRET.slice(-4)}`],
    ['its beginning as the name of a token', `token-${SECRET.slice(21, 45)}`],
    ['its middle', `x${SECRET.slice(9, 19)}x`],
    ['it in the other case', swapCase(SECRET)],
    ['it in hex', hex(SECRET)],
    ['a part of it in upper-case hex', hex(SECRET).slice(7, 19).toUpperCase()],
    ['it in percent-encoding', percent(SECRET)],
    ['it in percent-encoding, twice', twice(SECRET)],
    ['it in percent-encoding of a form, twice', percent(formEncode(SECRET))],
    ['the base64 of id:secret', base64(`id:${SECRET}`)],
    ['the base64 of another prefix and the secret', base64(`ids:${SECRET}`)],
    ['a part of the base64url of a longer text', base64Url(`a longer text ${SECRET} and more`).slice(25, 40)],
    ['it with a dash every 11 characters', SECRET.replaceAll(/.{11}/g, '$&-')],
    ['it with a line break every 3 characters', SECRET.replaceAll(/.{3}/g, '$&\n')],
  ])('that quotes %s', async (_, quoted) => {
    const json = {
      error: quoted,
      error_description: `The secret ${quoted} is wrong.`,
      error_uri: `https://as.example/?q=${quoted}`,
      message: quoted,
    };
    await using server = await startScriptedServer(() => ({ status: 400, json }));
    const error = await rejectionOf(postForm(server.origin, { client_id: 'id', client_secret: SECRET }, schema));
    expect(sharesRun(inspectAll(error), SECRET, 10)).toBe(false);
    expect(error.error_description).toMatch(/^The secret .*\*\*\*.* is wrong\.$/);
  });

  const character = fc.oneof(
    {
      weight: 20,
      arbitrary: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~'.split('')),
    },
    { weight: 4, arbitrary: fc.constantFrom(...'+/=%:;,!?@#$&|() \'"\\<>{}[]^`'.split('')) },
    { weight: 1, arbitrary: fc.constantFrom('\u00e9', '\u20ac', '\u{1f511}', '\n', '\ud800') },
  );
  const secret = fc.string({ unit: character, minLength: 8, maxLength: 90 });
  const piece = fc.record({
    spelling: fc.constantFrom(...Object.keys(SPELLINGS)),
    sent: fc.boolean(),
    start: fc.nat(40),
    length: fc.integer({ min: 1, max: 120 }),
    swapped: fc.boolean(),
    before: fc.string({ unit: fc.constantFrom(...'abc 0123.-:/'.split('')), maxLength: 12 }),
  });
  const text = fc.array(piece, { minLength: 1, maxLength: 6 });

  it('that is made of any pieces and encodings of any secrets', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ sent: secret, received: secret, asJson: fc.boolean(), code: text, description: text, uri: text }),
        fc.constantFrom(200, 400, 503),
        async ({ sent, received, asJson, ...texts }, status) => {
          const compose = (pieces: typeof texts.code): string =>
            pieces
              .map(({ spelling, start, length, swapped, before, ...from }) => {
                const spelt = (SPELLINGS[spelling] as (text: string) => string)(from.sent ? sent : received);
                const part = spelt.slice(start, start + length);
                return before + (swapped ? swapCase(part) : part);
              })
              .join('');
          const body = {
            error: compose(texts.code),
            error_description: compose(texts.description),
            error_uri: compose(texts.uri),
            access_token: received,
          };
          const fetch = async (): Promise<Response> => Response.json(body, { status });
          const given = asJson ? { body: JSON.stringify({ extension: { of: [sent] } }) } : { form: { code: sent } };
          const error = await readError(await request('POST', 'https://as.example/', { ...given, fetch }));
          // A 200 with an empty `error` is a success.
          fc.pre(error !== undefined);
          for (const each of [sent, received]) {
            const fields = [error.error, error.error_description, error.error_uri];
            expect(fields.filter((field) => sharesRun(field, each, 10))).toEqual([]);
            // The words of the message around a text can continue a run by chance.
            expect(sharesRun(inspectAll(error), each, 14)).toBe(false);
          }
        },
      ),
      { numRuns: runs },
    );
  });

  it('that names a member of the answer', async () => {
    const json = { [SECRET]: { inner: 1 } };
    await using server = await startScriptedServer(() => ({ json }));
    const response = await request('POST', server.origin, { form: { code: SECRET } });
    const error = await rejectionOf(readJson(response, record(string(), string())));
    expect(error.code).toBe('invalid_response');
    expect(sharesRun(inspectAll(error), SECRET, 10)).toBe(false);
  });
});

async function describedAs(error_description: string): Promise<string | undefined> {
  await using server = await startScriptedServer(() => ({ status: 400, json: { error: 'x', error_description } }));
  const error = await rejectionOf(postForm(server.origin, { client_secret: SECRET }, schema));
  return error.error_description;
}

it.each([
  'AADSTS700016: Application with identifier 9188040d-6c67-4c5b-b112-36a304b66dad was not found in the directory.',
  'Trace ID: 0f8fad5b-d9cb-469f-a165-70867728950e Timestamp: 2026-11-27 12:34:56Z',
  'See https://developers.google.com/identity/protocols/oauth2/web-server#error-codes',
  'See https://docs.example/oauth2-error-codes/rfc6749-section-5_2?lang=en-us.',
  'The redirect_uri http://127.0.0.1:53012/callback is not registered.',
  'The grant urn:ietf:params:oauth:grant-type:device_code is not allowed for 1764201296789.',
  'The path /oauth2/token-endpoint does not accept application/x-www-form-urlencoded in HTTP/1.1',
])('keeps what helps to find the cause: %s', async (text) => {
  expect(await describedAs(text)).toBe(text);
});

it.each([
  ['token 4bf92f3577b34da6a3ce929d0e0e4736 expired', 'token *** expired'],
  ['request req_0a1b2c3d4e5f6a7b8c9d', 'request ***'],
  ['ghp_16C7e42F292c6912E7710c838347Ae178B4a', '***'],
  ['got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P', 'got ***.***.***'],
  ['see https://as.example/error?id=4bf92f3577b34da6a3ce929d0e0e4736', 'see https://as.example/error?id=***'],
])('hides a word that looks like the token of another process: %s (RFC 6750 section 5.3)', async (text, shown) => {
  expect(await describedAs(text)).toBe(shown);
});
