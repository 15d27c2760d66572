import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rejectionOf, startProcess, temporaryDirectory } from '@oa-internal/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileToken } from '../src/index.ts';
import { makeJwt, secondsFromNow } from './platform.ts';

const REQUEST = { audience: 'https://as.example' };
let directory: string;
let path: string;

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, 'token');
});
afterEach(() => rmSync(directory, { recursive: true }));

it('reads the token again for each request, also as the kubelet replaces it', async () => {
  const tokens = [await makeJwt({ jti: '1' }), await makeJwt({ jti: '2' })];
  for (const [index, token] of tokens.entries()) {
    mkdirSync(join(directory, `..${index}`));
    writeFileSync(join(directory, `..${index}`, 'token'), token);
  }
  // The kubelet changes the link to a directory.
  symlinkSync('..0', join(directory, '..data'));
  symlinkSync(join('..data', 'token'), path);
  const source = fileToken(path);
  expect(await source(REQUEST)).toBe(tokens[0]);
  symlinkSync('..1', join(directory, '..next'));
  renameSync(join(directory, '..next'), join(directory, '..data'));
  expect(await source({ ...REQUEST, rejected: tokens[0] })).toBe(tokens[1]);
});

it('removes the line end of the file', async () => {
  const token = await makeJwt();
  writeFileSync(path, `${token}\r\n`);
  expect(await fileToken(path)(REQUEST)).toBe(token);
});

it.each([
  [
    'a file that is missing',
    () => undefined,
    /^There is no file .*token\. .*mount a projected service account token/,
    false,
  ],
  ['a path through a file', () => writeFileSync(join(directory, 'file'), ''), /^There is no file/, false, 'file/token'],
  ['a directory', () => mkdirSync(path), /is not a file\. In Kubernetes, mount/, false],
  ['a named pipe', () => execFileSync('mkfifo', [path]), /is not a file/, false],
  ['an empty file', () => writeFileSync(path, ''), /is empty\. The program that writes the file must renew it/, true],
  ['more than 64 KiB', () => writeFileSync(path, 'x'.repeat(65_537)), /^The file .* is larger than 64 KiB/, false],
  ['a link to itself', () => symlinkSync('token', path), /can't be read \(ELOOP\)/, false],
  ['a web page', () => writeFileSync(path, '<p>Log in</p>'), /is no token: it has white space/, false],
])('says what to do about %s', async (_, prepare, message, retryable, name = 'token') => {
  prepare();
  const error = await rejectionOf(fileToken(join(directory, name))(REQUEST));
  expect(error.message).toMatch(message);
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable });
});

it('refuses an expired token. A later try can find a new one', async () => {
  writeFileSync(path, await makeJwt({ exp: secondsFromNow(-1) }));
  const error = await rejectionOf(fileToken(path)(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: true });
  expect(error.message).toMatch(/has expired at .* the kubelet for a projected token/);
});

it('says that another user can not read the file', async () => {
  writeFileSync(path, await makeJwt());
  chmodSync(path, 0o600);
  chmodSync(directory, 0o755);
  const program = new URL('programs/read-file.ts', import.meta.url);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) chmodSync(path, 0);
  const { stdout } = await startProcess(program, { args: isRoot ? [path, '65534'] : [path] }).ended;
  expect(JSON.parse(stdout)).toMatchObject({
    code: 'assertion_unavailable',
    retryable: false,
    message: expect.stringMatching(/can't be read by this user \(EACCES\)\..*`fsGroup`/),
  });
});

it('rejects with the reason of a signal that has aborted', async () => {
  const reason = new Error('stop');
  await expect(fileToken(path)({ ...REQUEST, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

it.each([undefined, '', 3])('is a TypeError at once without a path (%j)', (name) => {
  expect(() => fileToken(name as string)).toThrow(/^The path of the file must be .* is the variable set\?/);
});
