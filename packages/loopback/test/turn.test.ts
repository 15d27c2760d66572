import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, startProcess, type TestProcess } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  answerUrl,
  finishLogin,
  followCallback,
  grantTokens,
  ipv6,
  isPortOpen,
  metadata,
  sendRequest,
  startLogin,
  type StartedLogin,
} from './help.ts';
import { freePort, occupy } from './ports.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

const program = new URL('programs/fixed-port.ts', import.meta.url);
const patient = { timeout: 20_000 };

/** A process whose login waits for its user on `port`. `answer` completes it. */
async function startHolder(port: number): Promise<TestProcess & { answer: () => Promise<unknown> }> {
  const holder = startProcess(program, { task: { port } });
  onTestFinished(async () => {
    holder.kill('SIGKILL');
    await holder.ended;
  });
  const [, url = ''] = await holder.printed(/login_waiting (\S+)/);
  return { ...holder, answer: () => followCallback(new URL(answerUrl(url, { code: 'c' }))) };
}

function typesOf({ events }: StartedLogin): string[] {
  return events.map(({ type }) => type);
}

describe('a login on the fixed port of a login of another process', () => {
  it('waits its turn, says so once, and takes the port when the other has its answer', async () => {
    const port = await freePort();
    const holder = await startHolder(port);
    const second = startLogin(metadata(scripted), {}, { port });
    await expect.poll(() => second.events, patient).toEqual([{ type: 'port_waiting', port }]);
    await holder.answer();
    await finishLogin(second);
    expect(typesOf(second)).toEqual(['port_waiting', 'login_waiting', 'callback_received', 'code_exchanged']);
    // The other login was asked many times, and took none of it for a callback.
    expect(holder.output().stdout).not.toContain('callback_ignored');
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('takes the port when the other process is ended by %s', async (signal) => {
    const port = await freePort();
    const holder = await startHolder(port);
    const second = startLogin(metadata(scripted), {}, { port });
    await expect.poll(() => typesOf(second), patient).toEqual(['port_waiting']);
    holder.kill(signal);
    await finishLogin(second);
  });

  it('waits while the other process is stopped, as with Ctrl-Z', async () => {
    const port = await freePort();
    const holder = await startHolder(port);
    const second = startLogin(metadata(scripted), {}, { port });
    await expect.poll(() => typesOf(second), patient).toEqual(['port_waiting']);
    holder.kill('SIGSTOP');
    // Longer than the holder has for its answer: that a stopped one gives none must not end the wait.
    const early = await Promise.race([second.token, new Promise((resolve) => setTimeout(resolve, 3000, 'waits'))]);
    expect(early).toBe('waits');
    holder.kill('SIGCONT');
    await holder.answer();
    await finishLogin(second);
  });

  it('needs no user to be told when the other login has its answer and serves only its last page', async () => {
    const port = await freePort();
    const holder = await startHolder(port);
    await holder.answer();
    await holder.printed('token\n');
    const second = startLogin(metadata(scripted), {}, { port });
    await finishLogin(second);
    expect(typesOf(second)).toEqual(['login_waiting', 'callback_received', 'code_exchanged']);
  });

  it('fails after its own timeout, and names the port and what to do', async () => {
    const port = await freePort();
    await startHolder(port);
    const second = startLogin(metadata(scripted), {}, { port, timeout: 1000 });
    const error = await rejectionOf(second.token);
    expect(error).toMatchObject({ code: 'port_unavailable', retryable: true });
    expect(error.message).toMatch(`Another login still uses port ${port} after 1 seconds. Complete it, or end`);
  });

  it('does not wait where another port is free', async () => {
    const [port, other] = [await freePort(), await freePort()];
    await startHolder(port);
    const second = startLogin(metadata(scripted), {}, { port: [port, other] });
    await finishLogin(second);
    expect((await second.waiting).redirect_uri).toBe(`http://127.0.0.1:${other}/callback`);
    expect(typesOf(second)).not.toContain('port_waiting');
  });

  it('waits on the registered ports of a client that has no other', async () => {
    const port = await freePort();
    const holder = await startHolder(port);
    const redirect_uris = [`http://127.0.0.1:${port}/callback`];
    const second = startLogin(metadata(scripted), {}, { client: { client_id: 'x', redirect_uris } });
    await expect.poll(() => typesOf(second), patient).toEqual(['port_waiting']);
    await holder.answer();
    await finishLogin(second);
  });

  it('takes turns with several others, one after the other', async () => {
    const port = await freePort();
    const holder = await startHolder(port);
    const waiting = [1, 2, 3].map(() => startLogin(metadata(scripted), {}, { port }));
    await expect.poll(() => waiting.map((each) => typesOf(each)), patient).toEqual(waiting.map(() => ['port_waiting']));
    await holder.answer();
    await Promise.all(waiting.map((each) => finishLogin(each)));
    expect(new Set(await Promise.all(waiting.map(async (each) => (await each.waiting).redirect_uri))).size).toBe(1);
  });
});

describe('a fixed port of a foreign program', () => {
  const programs: Record<string, (socket: Socket) => unknown> = {
    'ends each connection': (socket) => socket.destroy(),
    'never answers': (socket) => socket.on('error', () => undefined),
    'speaks another protocol': (socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.6\r\n'),
    'sends bytes without end': (socket) => {
      const timer = setInterval(() => socket.write('x'), 50);
      socket.on('error', () => undefined).once('close', () => clearInterval(timer));
    },
  };

  it.each(Object.keys(programs))('is not waited for if the program %s', async (name) => {
    const server = createServer((socket) => void programs[name]?.(socket));
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const second = startLogin(metadata(scripted), {}, { port, timeout: 60_000 });
    const error = await rejectionOf(second.token);
    expect(error).toMatchObject({ code: 'port_unavailable', retryable: false });
    expect(error.message).toContain(`tried port ${port}, which another program uses`);
    expect(second.events).toEqual([]);
  });

  it.each([200, 404, 500])('is not waited for if the program is a web server that answers %i', async (status) => {
    const server = createHttpServer((_, response) => response.writeHead(status).end());
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const second = startLogin(metadata(scripted), {}, { port, timeout: 60_000 });
    expect(await rejectionOf(second.token)).toMatchObject({ code: 'port_unavailable' });
  });

  it.skipIf(!ipv6)('is not waited for if it is taken on ::1 only, and the redirect URI has localhost', async () => {
    await using held = await occupy(['::1']);
    const second = startLogin(metadata(scripted), {}, { port: held.port, redirectHost: 'localhost', timeout: 60_000 });
    const error = await rejectionOf(second.token);
    expect(error.message).toContain(`tried port ${held.port}, which another program uses`);
  });
});

it('frees the port that only serves a last page as soon as another login asks for it', async () => {
  const login = startLogin(metadata(scripted));
  const waiting = await login.waiting;
  // The grace for the last page does not end by itself. `expect.poll` would advance the clock.
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await finishLogin(login);
  expect(await isPortOpen(waiting)).toBe(true);
  const asked = await sendRequest(new URL('/login-state', waiting.redirect_uri), { method: 'HEAD' });
  expect([asked.status, asked.headers['login-state']]).toEqual([204, 'ended']);
  while (await isPortOpen(waiting)) await setImmediate();
});

it('tells nothing to a request that came by another name of this machine (DNS rebinding)', async () => {
  const { waiting, token } = startLogin(metadata(scripted));
  const { redirect_uri } = await waiting;
  const question = new URL('/login-state', redirect_uri);
  const asked = await sendRequest(question, { method: 'HEAD' });
  expect([asked.status, asked.headers['login-state']]).toEqual([204, 'login']);
  const rebound = await sendRequest(question, { method: 'HEAD', headers: { host: 'rebound.example' } });
  expect([rebound.status, rebound.headers['login-state']]).toEqual([404, undefined]);
  expect((await sendRequest(question)).status).toBe(404);
  await finishLogin({ waiting, token } as StartedLogin);
});
