import { expect, it } from 'vitest';
import { toPastedGroups, toPastedUrls } from '../src/pasted-answer.ts';
import { cleanPastedLine, splitPastedLines } from '../src/pasted-line.ts';

const REDIRECT_URI = 'http://127.0.0.1:4321/callback';
const QUERY = '?code=c&state=s';
const URL_OF_QUERY = `${REDIRECT_URI}${QUERY}`;

/** The URLs that pasted lines may mean. */
function urlsOf(...lines: string[]): string[] {
  const parts = splitPastedLines(
    lines.map((line) => line.trim()),
    REDIRECT_URI,
  );
  const groups = toPastedGroups(parts.map((part) => cleanPastedLine(part, REDIRECT_URI)));
  return groups.flatMap((group) => toPastedUrls(group, REDIRECT_URI));
}

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
  ['with the escapes of the Windows shell', URL_OF_QUERY.replace('&', '^&')],
  ['with the escapes of JSON', URL_OF_QUERY.replace('&', '\\u0026')],
  ['in a line of JSON', `"url": "${URL_OF_QUERY}",`],
  ['in a command', `curl '${URL_OF_QUERY}'`],
  ['after a name', `Address: ${URL_OF_QUERY}`],
  ['as a Markdown link', `[log in](${URL_OF_QUERY})`],
  ['as a Markdown link with itself', `[${URL_OF_QUERY}](${URL_OF_QUERY})`],
  ['in square brackets', `[${URL_OF_QUERY}]`],
  ['as a link of a chat program', `<${URL_OF_QUERY}|${URL_OF_QUERY}>`],
  ['in the brackets of RFC 3986', `<URL:${URL_OF_QUERY}>`],
  ['in a header', `< location: ${URL_OF_QUERY}`],
  ['as the source of a page', `view-source:${URL_OF_QUERY}`],
  ['at the end of a sentence', `${URL_OF_QUERY}.`],
  ['with invisible characters', `\uFEFF${URL_OF_QUERY.replace('code', 'co\u200Bde')}`],
  ['with a space', URL_OF_QUERY.replace('?', '? ')],
  ['with a slash at the end of the path', URL_OF_QUERY.replace('?', '/?')],
  ['as 127.1', URL_OF_QUERY.replace('127.0.0.1', '127.1')],
  ['as 127.1 without a scheme', `127.1:4321/callback${QUERY}`],
  ['as a number', URL_OF_QUERY.replace('127.0.0.1', '2130706433')],
  ['as 127.0.0.2', URL_OF_QUERY.replace('127.0.0.1', '127.0.0.2')],
  ['as 0.0.0.0', URL_OF_QUERY.replace('127.0.0.1', '0.0.0.0')],
  ['as localhost with a dot', URL_OF_QUERY.replace('127.0.0.1', 'localhost.')],
  ['as a name below localhost', URL_OF_QUERY.replace('127.0.0.1', 'app.localhost')],
  ['as an IPv4 address in IPv6', URL_OF_QUERY.replace('127.0.0.1', '[::ffff:127.0.0.1]')],
])('reads the callback %s', (_, text) => {
  expect(urlsOf(text)[0]).toBe(URL_OF_QUERY);
});

it.each([
  ['as it is', URL_OF_QUERY.slice(0, 30), URL_OF_QUERY.slice(30)],
  ['with an indentation', URL_OF_QUERY.slice(0, 30), `    ${URL_OF_QUERY.slice(30)}`],
  ['in quotes', `"${URL_OF_QUERY.slice(0, 30)}`, `${URL_OF_QUERY.slice(30)}"`],
  ['as a quoted mail', `> ${URL_OF_QUERY.slice(0, 30)}`, `> ${URL_OF_QUERY.slice(30)}`],
  ['in the borders of a window', `│ ${URL_OF_QUERY.slice(0, 30)} │`, `│ ${URL_OF_QUERY.slice(30)}     │`],
  ['with a backslash at the end of the line', `${URL_OF_QUERY.slice(0, 30)}\\`, URL_OF_QUERY.slice(30)],
])('joins a wrapped address %s', (_, ...lines) => {
  expect(urlsOf(...lines)[0]).toBe(URL_OF_QUERY);
});

it.each([
  ['within its host', URL_OF_QUERY.slice(0, 13), URL_OF_QUERY.slice(13)],
  ['before the value of iss', `${URL_OF_QUERY}&iss=`, 'https://as.example/realm'],
])('joins an address that is wrapped %s, where the rest looks like an address', (_, ...lines) => {
  expect(urlsOf(...lines)[0]).toBe(lines.join(''));
});

it.each([
  ['on one line', URL_OF_QUERY + URL_OF_QUERY],
  ['on two lines', URL_OF_QUERY, URL_OF_QUERY],
  [
    'with its end directly before the second one',
    URL_OF_QUERY.slice(0, 30),
    `${URL_OF_QUERY.slice(30)}${URL_OF_QUERY.slice(0, 40)}`,
    URL_OF_QUERY.slice(40),
  ],
])('reads an address that is there twice %s', (_, ...lines) => {
  expect(urlsOf(...lines)[0]).toBe(URL_OF_QUERY);
});

it('reads no part of the first code, if the address is there twice and the code is last', () => {
  const codeLast = `${REDIRECT_URI}?state=s&code=${'c'.repeat(60)}`;
  const read: unknown[] = [];
  for (let width = 30; width < 100; width += 1) {
    const lines = codeLast.repeat(2).match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
    const codes = new URL(urlsOf(...lines)[0] ?? '').searchParams.getAll('code');
    // With two codes it is no answer.
    if (codes.length === 1) read.push(codes[0]);
  }
  expect(new Set(read)).toEqual(new Set(['c'.repeat(60)]));
});

it('reads neither half a code nor a code with other text, if a space may stand within the code or after it', () => {
  const codeLast = `${REDIRECT_URI}?state=s&code=first`;
  expect(urlsOf(`${codeLast} second`)).toEqual([]);
  expect(urlsOf(`${URL_OF_QUERY} and go on`)).toEqual([`${URL_OF_QUERY}andgoon`, URL_OF_QUERY]);
  expect(urlsOf(URL_OF_QUERY.replace('=c&', '=c d&'))[0]).toBe(URL_OF_QUERY.replace('=c&', '=cd&'));
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
  expect(urlsOf(text)).toEqual([]);
});

it('keeps a bracket that belongs to the address', () => {
  expect(urlsOf(`${URL_OF_QUERY})`)).toEqual([`${URL_OF_QUERY})`]);
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
