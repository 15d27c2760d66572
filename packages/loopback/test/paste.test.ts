import { PassThrough } from 'node:stream';
import { type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, inspectAll } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pasteStreams } from '../src/paste.ts';
import { textFor } from '../src/terminal.ts';
import { arrive, begin, callback, grantTokens, metadata, send, type Begun } from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

function beginWithPaste(): Begun & { input: PassThrough } {
  const input = new PassThrough();
  const paste = { input, output: new PassThrough() };
  // A login with streams to paste into has somebody to ask, whatever the terminal.
  return { ...begin(metadata(scripted), {}, { paste, openBrowser: false }), input };
}

it('a pasted address logs in, and the port is closed', async () => {
  const { waiting, token, events, input } = beginWithPaste();
  expect(await waiting).toMatchObject({ paste: true });
  const url = callback(await waiting, { code: 'pasted' });
  input.write(`\n  \n${url.href}\n`);
  await token;
  expect(scripted.requests.at(-1)?.form.get('code')).toBe('pasted');
  expect(events).toContainEqual({ type: 'callback_received', via: 'paste' });
  await expect(send(url)).rejects.toThrow('ECONNREFUSED');
  expect(input.isPaused()).toBe(true);
});

it('an address that was copied without its scheme, or with spaces around it, is one', async () => {
  const { waiting, token, input } = beginWithPaste();
  input.write(`  ${callback(await waiting, { code: 'c' }).href.replace('http://', '')} \r\n`);
  expect(await token).toMatchObject({ token_type: 'Bearer' });
});

it('an address that comes in pieces is read when it is whole', async () => {
  const { waiting, token, input } = beginWithPaste();
  const text = `${callback(await waiting, { code: 'x'.repeat(9000) }).href}\n`;
  for (let i = 0; i < text.length; i += 1000) input.write(text.slice(i, i + 1000));
  await token;
  expect(scripted.requests.at(-1)?.form.get('code')).toHaveLength(9000);
});

it('the same checks as on the wire: what is not this login’s answer is told and ignored', async () => {
  scripted.requests.length = 0;
  const { waiting, token, events, printed, input } = beginWithPaste();
  const good = callback(await waiting, { code: 'good' });
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
  const told = events.flatMap((event) => (event.type === 'pasted_ignored' ? [event.code] : []));
  expect(told).toEqual([...lines.map(() => 'invalid_callback'), 'state_mismatch', 'state_mismatch']);
  expect(printed.filter((text) => text.startsWith('That'))).toHaveLength(9);
  expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['good']);
});

it.each([
  ['oauth_error', { error: 'access_denied' }],
  ['issuer_mismatch', { code: 'secret-code', iss: 'https://evil.example' }],
  ['invalid_callback', {}],
])('an answer with the right state ends the login also if it is %s', async (code, parameters) => {
  const { waiting, token, input } = beginWithPaste();
  input.write(`${callback(await waiting, parameters).href}\n`);
  const error = await rejectionOf(token);
  expect(error).toMatchObject({ code });
  expect(inspectAll(error)).not.toContain('secret-code');
});

it('if the browser comes first the input is released', async () => {
  const { waiting, token, input } = beginWithPaste();
  await arrive(callback(await waiting, { code: 'c' }));
  await token;
  expect(input.isPaused()).toBe(true);
  expect(input.listenerCount('data') + input.listenerCount('keypress')).toBe(0);
});

it('an input that ends only ends the pasting', async () => {
  const { waiting, token, input } = beginWithPaste();
  await waiting;
  input.end();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await arrive(callback(await waiting, { code: 'c' }));
  expect(await token).toMatchObject({ token_type: 'Bearer' });
});

it('a handler that throws ends the login, not the process', async () => {
  const bug = new Error('bug in a handler');
  const input = new PassThrough();
  const { waiting, token } = begin(
    metadata(scripted),
    {},
    {
      paste: { input, output: new PassThrough() },
      onEvent: ({ type }) => {
        if (type === 'pasted_ignored') throw bug;
      },
    },
  );
  await waiting;
  input.write('x\n');
  await expect(token).rejects.toBe(bug);
});

it('Ctrl-C in the editor is a SIGINT, as everywhere', async () => {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  const interrupted = Promise.withResolvers<void>();
  const onSignal = (): void => interrupted.resolve();
  process.once('SIGINT', onSignal);
  const controller = new AbortController();
  const { waiting, token } = begin(metadata(scripted), {}, { paste: { input, output }, signal: controller.signal });
  await waiting;
  input.write('\u0003');
  await interrupted.promise;
  controller.abort(new Error('interrupted'));
  await expect(token).rejects.toThrow('interrupted');
});

describe('where to paste', () => {
  it('is the terminal, if stdin is one, unless said otherwise', () => {
    const { isTTY } = process.stdin;
    const terminal = { input: process.stdin, output: process.stderr };
    try {
      process.stdin.isTTY = true;
      expect([pasteStreams(undefined), pasteStreams(false)]).toEqual([terminal, undefined]);
      process.stdin.isTTY = false;
      expect([pasteStreams(undefined), pasteStreams(true)]).toEqual([undefined, terminal]);
    } finally {
      process.stdin.isTTY = isTTY;
    }
  });
});

it('without print everything goes to stderr', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { waiting, token } = begin(metadata(scripted), {}, { print: undefined as never });
  await arrive(callback(await waiting, { code: 'c' }));
  await token;
  const said = write.mock.calls.map(([text]) => String(text)).join('');
  write.mockRestore();
  expect(said).toContain((await waiting).url);
});

it('the person is told how long it waits', () => {
  const text = (expires_in: number): string | undefined =>
    textFor({ type: 'login_waiting', url: 'U', redirect_uri: 'R', expires_in, paste: true });
  expect(text(90)).toBe(
    'To log in, open this URL in your browser (it waits for 90 seconds):\n\nU\n\nIf it ends on a page that does not load, paste its address here and press Enter.\n',
  );
  expect(text(300)).toContain('5 minutes');
  expect(textFor({ type: 'refreshed', issuer: 'x' })).toBeUndefined();
});
