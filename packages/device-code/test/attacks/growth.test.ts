import { growthOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import * as v from 'valibot';
import { deviceAuthorizationSchema } from '../../src/schema.ts';
import { deviceLoginText } from '../../src/text.ts';
import { authorization } from '../setup.ts';

/** The exponent of the growth is about 1 for linear work, and 2 for quadratic work. */
const MAX_EXPONENTS = 1.5;

const repeat = (text: string) => (size: number) => text.repeat(Math.ceil(size / text.length));

it.each<[string, (size: number) => string]>([
  ['letters', repeat('a')],
  ['digits', repeat('9')],
  ['dots and slashes', repeat('../')],
  ['escape sequences', repeat('\u001B[31m')],
  ['line breaks', repeat('\n')],
  ['user names', repeat('a@')],
])('reads and shows a response whose members are %s in linear time', async (_name, createText) => {
  const growth = await growthOf(createText, async (text) => {
    v.safeParse(deviceAuthorizationSchema, {
      device_code: text,
      user_code: text,
      verification_uri: `https://as.example/${text}`,
      verification_uri_complete: `https://${text}`,
      expires_in: text,
      interval: text,
      [text]: text,
    });
    const uris = {
      verification_uri: `https://as.example/${text}`,
      verification_uri_complete: `https://as.example/?${text}`,
    };
    await deviceLoginText({ ...authorization, ...uris, user_code: text, interval: 5, expires_at: 1 }, { columns: 80 });
  });
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});
