import { PassThrough } from 'node:stream';
import { type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toPasteStreams } from '../src/paste.ts';
import {
  followCallback,
  startLogin,
  callbackUrl,
  grantTokens,
  metadata,
  sendRequest,
  type StartedLogin,
} from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

function startPasteLogin(): StartedLogin & { input: PassThrough } {
  const input = new PassThrough();
  const paste = { input, output: new PassThrough() };
  // With streams to paste into the login can ask the user, with or without a terminal.
  return { ...startLogin(metadata(scripted), {}, { paste, openBrowser: false }), input };
}

it('logs in with a pasted address, and closes the port', async () => {
  const { waiting, token, events, input } = startPasteLogin();
  expect(await waiting).toMatchObject({ paste: true });
  const url = callbackUrl(await waiting, { code: 'pasted' });
  input.write(`\n  \n${url.href}\n`);
  await token;
  expect(scripted.requests.at(-1)?.form.get('code')).toBe('pasted');
  expect(events).toContainEqual({ type: 'callback_received', via: 'paste' });
  await expect(sendRequest(url)).rejects.toThrow('ECONNREFUSED');
  expect(input.isPaused()).toBe(true);
});

it('accepts an address without its scheme, and with spaces around it', async () => {
  const { waiting, token, input } = startPasteLogin();
  input.write(`  ${callbackUrl(await waiting, { code: 'c' }).href.replace('http://', '')} \r\n`);
  expect(await token).toMatchObject({ token_type: 'Bearer' });
});

it('reads an address that arrives in pieces', async () => {
  const { waiting, token, input } = startPasteLogin();
  const text = `${callbackUrl(await waiting, { code: 'x'.repeat(9000) }).href}\n`;
  for (let i = 0; i < text.length; i += 1000) input.write(text.slice(i, i + 1000));
  await token;
  expect(scripted.requests.at(-1)?.form.get('code')).toHaveLength(9000);
});

it('ignores a line that does not belong to this login, with an event', async () => {
  scripted.requests.length = 0;
  const { waiting, token, events, printed, input } = startPasteLogin();
  const good = callbackUrl(await waiting, { code: 'good' });
  const wrongState = new URL(good);
  wrongState.searchParams.set('state', 'x');
  const otherPort = good.href.replace(good.port, '1');
  const lines = [
    'y',
    'the code is 1234',
    good.search,
    otherPort,
    good.href.replace('/callback', '/other'),
    good.href.replace('127.0.0.1', 'evil.example'),
    `${good.origin}/callbackx${good.search}`,
  ];
  for (const line of lines) input.write(`${line}\n`);
  input.write(`${wrongState.href}\n${good.href}&state=x\n`);
  input.write(`${good.href}\n`);
  await token;
  const ignored = events.flatMap((event) => (event.type === 'pasted_ignored' ? [event.code] : []));
  expect(ignored).toEqual([...lines.map(() => 'invalid_callback'), 'state_mismatch', 'state_mismatch']);
  expect(printed.filter((text) => text.startsWith('That'))).toHaveLength(9);
  expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['good']);
});

it.each([
  ['oauth_error', { error: 'access_denied' }],
  ['issuer_mismatch', { code: 'secret-code', iss: 'https://evil.example' }],
  ['invalid_callback', {}],
])('ends the login with %s for a pasted refusal with the right state', async (code, parameters) => {
  const { waiting, token, input } = startPasteLogin();
  input.write(`${callbackUrl(await waiting, parameters).href}\n`);
  const error = await rejectionOf(token);
  expect(error).toMatchObject({ code });
  expect(inspectAll(error)).not.toContain('secret-code');
});

it('releases the input if the browser comes first', async () => {
  const { waiting, token, input } = startPasteLogin();
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  await token;
  expect(input.isPaused()).toBe(true);
  expect(input.listenerCount('data') + input.listenerCount('keypress')).toBe(0);
});

it('goes on without pasting if the input ends', async () => {
  const { waiting, token, input } = startPasteLogin();
  await waiting;
  input.end();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  expect(await token).toMatchObject({ token_type: 'Bearer' });
});

it('turns Ctrl-C in the line editor into SIGINT', async () => {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  const interrupted = Promise.withResolvers<void>();
  const onSignal = (): void => interrupted.resolve();
  process.once('SIGINT', onSignal);
  const controller = new AbortController();
  const { waiting, token } = startLogin(
    metadata(scripted),
    {},
    { paste: { input, output }, signal: controller.signal },
  );
  await waiting;
  input.write('\u0003');
  await interrupted.promise;
  controller.abort(new Error('interrupted'));
  await expect(token).rejects.toThrow('interrupted');
});

describe('toPasteStreams', () => {
  it('returns stdin and stderr by default if stdin is a terminal', () => {
    const { isTTY } = process.stdin;
    const terminal = { input: process.stdin, output: process.stderr };
    try {
      process.stdin.isTTY = true;
      expect([toPasteStreams(undefined), toPasteStreams(false)]).toEqual([terminal, undefined]);
      process.stdin.isTTY = false;
      expect([toPasteStreams(undefined), toPasteStreams(true)]).toEqual([undefined, terminal]);
    } finally {
      process.stdin.isTTY = isTTY;
    }
  });
});
