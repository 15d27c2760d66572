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

it('ignores text that does not belong to this login, with an event', async () => {
  scripted.requests.length = 0;
  const { waiting, token, events, printed, input } = startPasteLogin();
  const good = callbackUrl(await waiting, { code: 'good' });
  const wrongState = good.href.replace('state=', 'state=x');
  const pastes = [
    'y\nthe code is 1234',
    good.href.replace(good.port, '1'),
    good.href.replace('/callback', '/other'),
    good.href.replace('127.0.0.1', 'evil.example'),
    `${good.origin}/callbackx${good.search}`,
    wrongState,
    `${good.href}&state=x`,
    `${good.origin}/callback?error=access_denied`,
    `${good.origin}/callback#code=x`,
  ];
  const ignored = (): unknown[] =>
    events.flatMap((event) => (event.type === 'pasted_ignored' ? [event.unverified ?? event.code] : []));
  for (const [index, text] of pastes.entries()) {
    input.write(`${text}\n`);
    await expect.poll(ignored, { timeout: 20_000 }).toHaveLength(index + 1);
  }
  input.write(`${good.href}\n`);
  await token;
  expect(ignored()).toEqual([
    ...Array(5).fill('invalid_callback'),
    'state_mismatch',
    'state_mismatch',
    'access_denied',
    'neither a code nor an error (the server may have put them into the fragment, after a #)',
  ]);
  expect(printed.filter((text) => text.startsWith('That'))).toHaveLength(9);
  expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['good']);
});

it.each<[string, (url: string) => string]>([
  ['code first', (url) => url.replace(/\?(state=[^&]*)&(.*)$/, '?$2&$1')],
  ['state first', (url) => url],
])(
  'joins the lines of an address that a terminal has wrapped anywhere, and sends no half of a code (%s)',
  async (_, order) => {
    scripted.requests.length = 0;
    const code = 'c0de'.repeat(20);
    for (const width of [30, 75, 100]) {
      const { waiting, token, input } = startPasteLogin();
      const url = order(callbackUrl(await waiting, { code }).href);
      const lines = url.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
      // Some terminal programs indent what they wrap.
      input.write(`${lines.join('\r\n  ')}\n`);
      await token;
    }
    expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual([code, code, code]);
  },
);

it.each([
  ['oauth_error', { error: 'access_denied' }],
  ['issuer_mismatch', { code: 'secret-code', iss: 'https://evil.example' }],
])('ends the login with %s for a pasted refusal with the right state', async (code, parameters) => {
  const { waiting, token, input } = startPasteLogin();
  input.write(`${callbackUrl(await waiting, parameters).href}\n`);
  const error = await rejectionOf(token);
  expect(error).toMatchObject({ code });
  expect(inspectAll(error)).not.toContain('secret-code');
});

it.each([
  ['has no code yet', (url: URL) => url.href.replace(/&code=.*/, '')],
  ['has no issuer yet', (url: URL) => url.href.replace(/&iss=.*/, '')],
  ['has half of its issuer', (url: URL) => url.href.slice(0, -4)],
  ['has another code at its end', (url: URL) => `${url.href}&code=other`],
])('goes on after a part of the address that %s, and reads the whole one then', async (_, toPart) => {
  scripted.requests.length = 0;
  const input = new PassThrough();
  const server = metadata(scripted, { authorization_response_iss_parameter_supported: true });
  const paste = { input, output: new PassThrough() };
  const { waiting, token, events } = startLogin(server, {}, { paste, openBrowser: false });
  const url = callbackUrl(await waiting, { session_state: '1', code: 'whole', iss: server.issuer });
  input.write(`${toPart(url)}\n`);
  await expect.poll(() => events.at(-1), { timeout: 20_000 }).toMatchObject({ type: 'pasted_ignored' });
  input.write(`${url.href}\n`);
  await token;
  expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['whole']);
});

it.each([40, 70, 150, 1000])('reads an address that was pasted twice, wrapped at %i columns', async (width) => {
  scripted.requests.length = 0;
  const { waiting, token, input } = startPasteLogin();
  const { href } = callbackUrl(await waiting, { code: 'c0de'.repeat(20) });
  const text = href.replace(/\?(state=[^&]*)&(.*)$/, '?$2&$1').repeat(2);
  input.write(`${text.match(new RegExp(`.{1,${width}}`, 'g'))?.join('\n')}\n`);
  await token;
  expect(scripted.requests.map(({ form }) => form.get('code'))).toEqual(['c0de'.repeat(20)]);
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
  // In the same piece as other keys, and after half of an escape sequence.
  input.write('text\u001B[\u0003more');
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

  it('returns nothing for an input that can not be read any more', async () => {
    const input = new PassThrough();
    const streams = { input, output: new PassThrough() };
    expect(toPasteStreams(streams)).toBe(streams);
    input.destroy();
    expect(toPasteStreams(streams)).toBeUndefined();
  });
});
