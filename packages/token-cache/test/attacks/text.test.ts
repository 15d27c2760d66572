// What a damaged or planted file holds is parsed before it is believed, so its parsing must be cheap and its text without effect.
import { errorThrownBy } from '@oa-internal/testing';
import { cacheFile, fileTokenCache, tokenKey } from '@oa/token-cache';
import { afterEach, expect, it, vi } from 'vitest';
import { belongsTo, parseRecord, serializeRecord } from '../../src/record.ts';
import { IDENTITY, KEY, TOKEN } from '../setup.ts';
import { isLinear } from './linear.ts';

afterEach(() => vi.unstubAllEnvs());

const record = (members: object): string => JSON.stringify({ format: 1, identity: IDENTITY, token: TOKEN, ...members });
const longTexts: [string, (size: number) => string][] = [
  ['brackets', (size) => '['.repeat(size)],
  ['nested objects', (size) => '{"format":'.repeat(size / 10)],
  ['a long token', (size) => record({ token: { ...TOKEN, access_token: 'a'.repeat(size) } })],
  [
    'many scopes',
    (size) => record({ identity: { ...IDENTITY, scope: Array.from({ length: size / 8 }, (_, i) => `s${i}`) } }),
  ],
  ['escapes', (size) => record({ identity: { ...IDENTITY, issuer: '\u0001"\\'.repeat(size / 10) } })],
];

it.for(longTexts)('a token file of any size is parsed and compared in linear time: %s', async ([, createText]) => {
  const parse = (text: string): unknown => {
    const parsed = parseRecord(text, '/file');
    return parsed !== undefined && belongsTo(parsed, KEY);
  };
  expect(await isLinear(createText, parse)).toBe(true);
});

it('a token and a key of any size are written in linear time', async () => {
  const scopes = (size: number): string => Array.from({ length: size / 8 }, (_, i) => `s${i}`).join(' ');
  expect(await isLinear(scopes, (scope) => tokenKey({ ...IDENTITY, scope }))).toBe(true);
  expect(
    await isLinear(
      (size) => 'a'.repeat(size),
      (access_token) => serializeRecord(KEY, { ...TOKEN, access_token }),
    ),
  ).toBe(true);
});

it.for([
  ['a line break', 'x\nRun: evil'],
  ['an escape sequence', 'x\u001b[2J'],
  ['a C1 escape sequence', 'x\u009b31m'],
  ['a line separator', 'x\u2028y'],
])('%s in the path of a directory is refused at once', ([, name]) => {
  expect(() => fileTokenCache({ directory: `/tmp/${name}` })).toThrow(
    /^The directory of a token cache must not contain control characters\.$/,
  );
  vi.stubEnv('XDG_CACHE_HOME', `/tmp/${name}`);
  expect(errorThrownBy(() => cacheFile(IDENTITY)).message).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
});

it('the message about a file of a newer format quotes nothing of the file', () => {
  const newer = JSON.stringify({ format: 3, note: 'x\u001b[2J' });
  expect(() => parseRecord(newer, '/file')).toThrow(/^\/file was written by a newer version of this program[ -~]*$/);
});
