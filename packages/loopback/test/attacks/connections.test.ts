import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { startProcess } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerUrl,
  callbackUrl,
  finishLogin,
  followCallback,
  grantTokens,
  metadata,
  sendRequest,
  startLogin,
} from '../help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

/** Opens connections that send `text` and then nothing. */
async function openConnections(url: URL, count: number, text = ''): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(Number(url.port), url.hostname));
  await Promise.all(
    sockets.map((socket) => {
      socket.on('error', () => undefined).resume();
      return new Promise((resolve) => socket.once('connect', resolve));
    }),
  );
  for (const socket of sockets) socket.write(text);
  return sockets;
}

describe.skipIf(process.platform === 'win32')('with 600 connections and room for 512 files (needs ulimit)', () => {
  it.each([
    ['send nothing', ''],
    ['send half of a request', 'GET /callback HTTP/1.1\r\nHost: 127.0.0.1'],
  ])('that %s the callback still arrives', async (_, text) => {
    const program = startProcess(new URL('../programs/login.ts', import.meta.url), {
      under: ['sh', '-c', 'ulimit -n 512 && exec "$@"', 'sh'],
      env: {
        ...process.env,
        OA_SERVER: JSON.stringify(metadata(scripted)),
        OA_OPTIONS: JSON.stringify({ interaction: 'always', openBrowser: false }),
      },
    });
    const [printed] = await program.printed(/http\S+redirect_uri=\S+(?=\s)/);
    const callback = new URL(answerUrl(printed, { code: 'c' }));
    const sockets = await openConnections(callback, 600, text);
    expect((await followCallback(callback)).last.body).toContain('Login received');
    expect((await program.ended).stdout).toContain('"result":"token"');
    for (const socket of sockets) socket.destroy();
  });
});

it('the oldest of more than 100 idle connections are closed, and the newest are served', async () => {
  const login = startLogin(metadata(scripted));
  const url = new URL((await login.waiting).redirect_uri);
  const sockets = await openConnections(url, 120);
  const countOpen = (): number => sockets.filter(({ destroyed }) => !destroyed).length;
  await expect.poll(countOpen, { timeout: 20_000 }).toBe(100);
  const newest = sockets.at(-1);
  newest?.write(`GET /none HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
  expect(String(await new Promise((resolve) => newest?.once('data', resolve)))).toMatch(/^HTTP\/1\.1 404 /);
  await finishLogin(login);
});

it('text that is not HTTP is answered with 400, headers that are too large with 431, and the login goes on', async () => {
  const login = startLogin(metadata(scripted));
  const url = new URL((await login.waiting).redirect_uri);
  for (const [text, status] of [
    ['\u0016\u0003\u0001\u0002\u0000', 400],
    ['GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n', 400],
    [`GET /${'x'.repeat(300_000)} HTTP/1.1\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => undefined);
    socket.write(text);
    const answer = await new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  }
  await finishLogin(login);
});

it('headers of 250 KiB are accepted: browsers send the cookies of all ports; more gets a page and a line that name the cookies', async () => {
  const { waiting, token, events, printed } = startLogin(metadata(scripted));
  const url = callbackUrl(await waiting, { code: 'c' });
  const cookies = (kilobytes: number): string => `a=${'x'.repeat(kilobytes * 1024)}`;
  const large = await sendRequest(url, { headers: { cookie: cookies(300) } });
  expect([large.status, large.body]).toEqual([431, expect.stringContaining('Your browser sent too many cookies')]);
  expect(large.headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  expect(events).toContainEqual({ type: 'callback_ignored', reason: 'headers', count: 1, paste: false });
  expect(printed.join('')).toContain('Delete the cookies of 127.0.0.1');
  // Nothing reads it here.
  expect(`${large.body}${printed.join('')}`).not.toMatch(/paste/i);
  expect((await sendRequest(url, { headers: { cookie: cookies(250) } })).status).toBe(303);
  expect((await sendRequest(new URL('/callback/done', url), { headers: { cookie: cookies(250) } })).status).toBe(200);
  await token;
});

it('headers that are too large get a page and a line that offer pasting, if the program reads what is pasted', async () => {
  const input = new PassThrough();
  const paste = { input, output: new PassThrough() };
  const { waiting, token, printed } = startLogin(metadata(scripted), {}, { paste });
  const url = callbackUrl(await waiting, { code: 'c' });
  const large = await sendRequest(url, { headers: { cookie: 'x'.repeat(300_000) } });
  expect(large.body).toContain('Paste the address of this page into the program');
  expect(printed.join('')).toContain('or paste its address here');
  input.write(`${url.href}\n`);
  await token;
});

it('a request whose headers do not arrive within 10 seconds is ended', async () => {
  const login = startLogin(metadata(scripted));
  const [socket] = await openConnections(new URL((await login.waiting).redirect_uri), 1, 'GET / HTTP/1.1\r\n');
  await expect.poll(() => socket?.destroyed, { timeout: 25_000, interval: 200 }).toBe(true);
  await finishLogin(login);
}, 30_000);

it('a code that arrives just before the timeout is used, however long the token request takes', async () => {
  const { waiting, token } = startLogin(metadata(scripted), {}, { timeout: 1_000 });
  scripted.script(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return { json: { access_token: 'late', token_type: 'Bearer' } };
  });
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  expect(await token).toMatchObject({ access_token: 'late' });
});
