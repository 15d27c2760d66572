import { expect, it } from 'vitest';
import { toPastedGroups, toPastedUrls } from '../src/pasted-answer.ts';

const REDIRECT_URI = 'http://127.0.0.1:4321/callback';
const QUERY = '?code=c&state=s';
const URL_OF_QUERY = `${REDIRECT_URI}${QUERY}`;

it.each([
  ['the address', URL_OF_QUERY],
  ['without its scheme', `127.0.0.1:4321/callback${QUERY}`],
  ['in double quotes', `"${URL_OF_QUERY}"`],
  ['in single quotes', `'${URL_OF_QUERY}'`],
  ['in backticks', `\`${URL_OF_QUERY}\``],
  ['in typographic quotes', `“${URL_OF_QUERY}”`],
  ['in angle brackets', `<${URL_OF_QUERY}>`],
  ['in quotes and brackets', `"<${URL_OF_QUERY}>"`],
  ['after an opening quote only', `"${URL_OF_QUERY}`],
  ['as localhost', URL_OF_QUERY.replace('127.0.0.1', 'localhost')],
  ['as LOCALHOST', URL_OF_QUERY.replace('127.0.0.1', 'LOCALHOST')],
  ['as [::1]', URL_OF_QUERY.replace('127.0.0.1', '[::1]')],
  ['as a long IPv6 address without a scheme', `[0:0:0:0:0:0:0:1]:4321/callback${QUERY}`],
  ['with https', URL_OF_QUERY.replace('http', 'https')],
  ['with HTTP', URL_OF_QUERY.replace('http', 'HTTP')],
  ['from the path on', `/callback${QUERY}`],
  ['from the question mark on', QUERY],
  ['from the query on', QUERY.slice(1)],
  ['in quotes from the query on', `"${QUERY.slice(1)}"`],
  ['as HTML', URL_OF_QUERY.replace('&', '&amp;')],
  ['with the escapes of a shell', `http://127.0.0.1:4321/callback\\?code\\=c\\&state\\=s`],
  ['with a fragment that the server appended', `${URL_OF_QUERY}#_=_`],
])('reads the callback %s', (_, text) => {
  expect(toPastedUrls([text], REDIRECT_URI)).toEqual([URL_OF_QUERY]);
});

it.each([
  'y',
  'c',
  'https://evil.example/callback?code=c&state=s',
  'http://127.0.0.1.evil.example:4321/callback?code=c&state=s',
  'http://127.0.0.1@evil.example:4321/callback?code=c&state=s',
  'http://127.0.0.1:1/callback?code=c&state=s',
  'http://127.0.0.1:4321/other?code=c&state=s',
  'http://127.0.0.1:4321/callback',
  'ftp://127.0.0.1:4321/callback?code=c&state=s',
  'name=value&state=s',
  'http://[',
])('reads no callback in %s', (text) => {
  expect(toPastedUrls([text], REDIRECT_URI)).toEqual([]);
});

it('keeps a bracket that belongs to the address', () => {
  expect(toPastedUrls([`${URL_OF_QUERY})`], REDIRECT_URI)).toEqual([`${URL_OF_QUERY})`]);
});

it('groups an address with the lines that continue it, and text with text', () => {
  expect(toPastedGroups(['hello', 'you', 'http://127.0.0.1:1/callb', 'ack?code=1', '&state=2', 'that is it'])).toEqual([
    ['hello', 'you'],
    ['http://127.0.0.1:1/callb', 'ack?code=1', '&state=2'],
    ['that is it'],
  ]);
  expect(toPastedGroups(['?code=1&', 'state=2', 'localhost:1/x', '2'])).toEqual([
    ['?code=1&', 'state=2'],
    ['localhost:1/x', '2'],
  ]);
});

it('tries the whole group first', () => {
  expect(toPastedUrls([URL_OF_QUERY, 'junk'], REDIRECT_URI)).toEqual([`${URL_OF_QUERY}junk`, URL_OF_QUERY]);
});
