import { growthOf } from '@oa-internal/testing';
import { OAuthError } from '@oa/types';
import { expect, it } from 'vitest';
import { sanitizeUrl } from '../../src/browser.ts';
import { toLoginNames } from '../../src/outcome.ts';
import { createPageRenderer } from '../../src/page.ts';
import { toPastedGroups, toPastedUrls } from '../../src/pasted-answer.ts';
import { cleanPastedLine } from '../../src/pasted-line.ts';
import { redirectTargets } from '../../src/redirect.ts';
import { toTerminalText } from '../../src/terminal.ts';

/** The exponent of the growth is about 1 for linear work, and 2 for quadratic work. */
const MAX_EXPONENTS = 1.5;

const repeat = (text: string) => (size: number) => text.repeat(Math.ceil(size / text.length));
const texts: [string, (size: number) => string][] = [
  ['letters', repeat('a')],
  ['dots and slashes', repeat('../')],
  ['quotes and spaces', repeat('" ')],
  ['escape sequences', repeat('\u001B[31m')],
  ['question marks', repeat('?')],
  ['brackets', repeat('[')],
  ['user names', repeat('a@')],
  ['colons', repeat('1:')],
];

it.each(texts)('prepares an authorization URL of %s for a launcher in linear time', async (_name, createText) => {
  const growth = await growthOf((size) => new URL(`https://as.example/?${createText(size)}`), sanitizeUrl);
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each(texts)('shows an issuer and a resource of %s in linear time', async (_name, createText) => {
  const growth = await growthOf(createText, (text) =>
    toTerminalText({
      type: 'login_waiting',
      issuer: `https://as.example/${text}`,
      resource: [`https://api.example/${text}`, `urn:${text}`],
      url: text,
      redirect_uri: 'http://127.0.0.1:1/callback',
      expires_in: 60,
      paste: true,
    }),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each(texts)('shows an error of %s on the last page in linear time', async (_name, createText) => {
  const growth = await growthOf(createText, (text) =>
    createPageRenderer(toLoginNames(text, `https://as.example/${text}`))({
      type: 'failed',
      error: new OAuthError('oauth_error', text, { error: text, error_description: text }),
    }),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each(texts)('reads redirect_uris of %s in linear time', async (_name, createText) => {
  const growth = await growthOf(
    (size) => {
      const text = createText(size);
      const short = createText(10);
      const many = Array.from({ length: size / 10 }, () => `http://127.0.0.1/${short}`);
      const usable = 'http://127.0.0.1/callback';
      return { client_id: 'x', redirect_uris: [usable, text, `http://${text}`, `http://127.0.0.1/${text}`, ...many] };
    },
    (client) => redirectTargets(client, '127.0.0.1'),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});

it.each<[string, (size: number) => string]>([
  ...texts,
  ['opening quotes', repeat('"<(')],
  ['closing brackets', repeat(']')],
  ['dots', repeat('.')],
  ['borders and spaces', repeat('|  x')],
  ['addresses', repeat('http://127.0.0.1:4321/?')],
])('reads a pasted line of %s in linear time', async (_name, createText) => {
  const redirect_uri = 'http://127.0.0.1:4321/callback';
  const growth = await growthOf(
    (size) => `${redirect_uri}?code=${createText(size)}`,
    (text) =>
      [text, text.slice(40)].map((line) =>
        toPastedGroups([cleanPastedLine(line, redirect_uri)]).map((group) => toPastedUrls(group, redirect_uri)),
      ),
  );
  expect(growth).toBeLessThan(MAX_EXPONENTS);
});
