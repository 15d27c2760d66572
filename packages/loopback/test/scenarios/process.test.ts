import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerUrl,
  callbackUrl,
  followCallback,
  grantTokens,
  ipv6,
  isPortOpen,
  metadata,
  sendRequest,
  startLogin,
  type Waiting,
} from '../help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

interface Running extends TestProcess {
  /** The event `login_waiting`, as the terminal shows it. */
  waiting: () => Promise<Waiting>;
  /** What the program printed last, `null` if it did not come that far. */
  report: () => { result: string; events: string[]; loaded: string[]; alive: string[] } | null;
}

/** Runs a program with a login, without CI, display and SSH session. */
function runLogin(env: Record<string, string | undefined> = {}, under: readonly string[] = []): Running {
  const { CI: _, SSH_CONNECTION: _s, ...rest } = process.env;
  const server = JSON.stringify(metadata(scripted));
  const running = startProcess(new URL('../programs/login.ts', import.meta.url), {
    env: { ...rest, BROWSER: '', DISPLAY: '', WAYLAND_DISPLAY: '', OA_SERVER: server, ...env },
    under,
    input: true,
  });
  return {
    ...running,
    waiting: async () => {
      const [url] = await running.printed(/http\S+redirect_uri=\S+(?=\s)/);
      const redirect_uri = new URL(url).searchParams.get('redirect_uri') ?? '';
      return { type: 'login_waiting', issuer: scripted.origin, url, redirect_uri, expires_in: 0, paste: false };
    },
    report: () => JSON.parse(/ENDED (.*)/.exec(running.output().stdout)?.[1] ?? 'null'),
  };
}

/**
 * Runs the same program in a pseudo-terminal, by `script` of util-linux: what is written to its stdin is typed. `script` takes the command
 * as one text, so the arguments are quoted.
 */
function runInTerminal(env: Record<string, string | undefined> = {}, redirection = ''): Running {
  const command = `exec script -qefc "stty cols 80; exec $(printf "'%s' " "$@")${redirection}" /dev/null`;
  return runLogin({ TERM: 'xterm', ...env }, ['sh', '-c', command, 'sh']);
}

const always = { OA_OPTIONS: JSON.stringify({ interaction: 'always' }) };

describe('the port is free', () => {
  it('after SIGINT', async () => {
    const running = runLogin(always);
    const waiting = await running.waiting();
    expect(await isPortOpen(waiting)).toBe(true);
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: null, signal: 'SIGINT' });
    expect(await isPortOpen(waiting)).toBe(false);
  });

  it('after a SIGINT that the program turns into an abort, and the process exits', async () => {
    const running = runLogin({ ...always, OA_HANDLE_SIGINT: '1' });
    const waiting = await running.waiting();
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    expect(running.report()?.result).toBe('interrupted');
    expect(await isPortOpen(waiting)).toBe(false);
  });

  it('after the timeout, and the process exits', async () => {
    const running = runLogin({
      OA_OPTIONS: JSON.stringify({ interaction: 'always', timeout: 200 }),
    });
    const waiting = await running.waiting();
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    expect(running.report()?.result).toBe('login_timeout');
    expect(await isPortOpen(waiting)).toBe(false);
  });

  it('after a login, and the process exits', async () => {
    const running = runLogin(always);
    const waiting = await running.waiting();
    await followCallback(callbackUrl(waiting, { code: 'c' }));
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    expect(running.report()).toMatchObject({ result: 'token' });
    expect(JSON.stringify(running.output())).not.toContain('secret-access-token');
  });

  it('after a login, which keeps the process alive by nothing, although the browser has connections that it does not use', async () => {
    const running = runLogin(always);
    const waiting = await running.waiting();
    const { hostname, port } = new URL(waiting.redirect_uri);
    const unused = connect(Number(port), hostname).on('error', () => undefined);
    const half = connect(Number(port), hostname).on('error', () => undefined);
    await once(half, 'connect');
    half.write('GET /callback');
    await followCallback(callbackUrl(waiting, { code: 'c' }));
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    expect(running.report()).toMatchObject({ result: 'token', alive: [] });
    for (const socket of [unused, half]) socket.destroy();
  });
});

describe('rejects with login_required without a socket and a browser', () => {
  it.each([
    ['no terminal', {}],
    ['interaction never', { OA_OPTIONS: JSON.stringify({ interaction: 'never' }) }],
    ['no terminal, although BROWSER is set', { BROWSER: 'touch', OA_OPTIONS: JSON.stringify({ openBrowser: true }) }],
  ])('with %s', async (_, env) => {
    const running = runLogin(env);
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    // Without http nothing can listen, and without child_process no browser can start: neither was loaded.
    expect(running.report()).toEqual({ result: 'login_required', events: [], loaded: [], alive: [] });
  });
});

// Linux only: `script` of other systems takes other arguments.
describe.skipIf(process.platform !== 'linux')('in a terminal (Linux only)', () => {
  it('logs in with a long address that is pasted, and the program exits', async () => {
    scripted.requests.length = 0;
    const running = runInTerminal();
    const waiting = await running.waiting();
    await running.printed(/paste its address here/);
    running.write(`nonsense\r`);
    await running.printed(/not the address that this login ends on/);
    running.write(`${callbackUrl(waiting, { code: `pasted-${'x'.repeat(6000)}` }).href}\r`);
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.report()).toMatchObject({ result: 'token' });
    expect(running.report()?.events).toEqual([
      'login_waiting',
      'browser_unavailable',
      'pasted_ignored',
      'callback_received',
      'code_exchanged',
    ]);
    expect(scripted.requestsTo('/token')[0]?.form.get('code')).toHaveLength(6007);
    expect(await isPortOpen(waiting)).toBe(false);
  });

  it('reads a long address whole, and shows it nowhere, if stderr is a file', async () => {
    scripted.requests.length = 0;
    const log = join(temporaryDirectory(), 'log');
    const running = runInTerminal({}, ` 2>${log}`);
    await expect.poll(() => readFileSync(log, 'utf8'), { timeout: 20_000 }).toContain('paste its address here');
    const [url = ''] = /http\S+redirect_uri=\S+/.exec(readFileSync(log, 'utf8')) ?? [];
    running.write(`${answerUrl(url, { code: `pasted-${'x'.repeat(6000)}` })}\r`);
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(scripted.requestsTo('/token')[0]?.form.get('code')).toHaveLength(6007);
    expect(readFileSync(log, 'utf8') + running.output().stdout).not.toContain('pasted-');
  });

  it('releases the terminal if the browser comes first, and the program exits', async () => {
    const running = runInTerminal();
    await followCallback(callbackUrl(await running.waiting(), { code: 'c' }));
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.report()).toMatchObject({ result: 'token' });
  });

  it('ends the program after Ctrl-C, and frees the port', async () => {
    const running = runInTerminal();
    const waiting = await running.waiting();
    await running.printed(/paste its address here/);
    running.write('\u0003');
    expect(await running.ended).toMatchObject({ code: 130 });
    expect(running.report()).toBeNull();
    expect(await isPortOpen(waiting)).toBe(false);
  });

  it('ends the program after Ctrl-\\\\, as the terminal does without the editor', async () => {
    const running = runInTerminal();
    await running.printed(/paste its address here/);
    running.write('\u001C');
    expect(await running.ended).toMatchObject({ code: 131 });
    expect(running.report()).toBeNull();
  });

  it('makes the URL a hyperlink where the terminal shows one, and says after the login that it has succeeded', async () => {
    const running = runInTerminal({ TERM: 'xterm-kitty' });
    // oxlint-disable-next-line no-control-regex -- the escape sequence of OSC 8
    const [, target, shown] = await running.printed(/\u001B\]8;;(\S+?)\u001B\\(\S+?)\u001B\]8;;\u001B\\/);
    expect(target).toBe(shown);
    await sendRequest(answerUrl(shown ?? '', { code: 'c' }));
    await running.printed(/Logged in at 127\.0\.0\.1:\d+\.\r\n/);
    expect(await running.ended).toMatchObject({ code: 0 });
  });

  it.each([
    ['Ctrl-D', '\u0004\u0003'],
    ['half of an escape sequence', '\u001B[\u0003'],
    ['text', 'http://127.0.0.1\u0003:1/'],
  ])('ends the program after Ctrl-C in the same piece of input as %s', async (_, keys) => {
    const running = runInTerminal();
    await running.printed(/paste its address here/);
    running.write(keys);
    expect(await running.ended).toMatchObject({ code: 130 });
  });

  it('rejects with login_required in CI, although there is a terminal', async () => {
    const running = runInTerminal({ CI: 'true' });
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.report()).toEqual({ result: 'login_required', events: [], loaded: [], alive: [] });
  });
});

it('reveals nothing to another user of this machine who scans the port, and goes on (RFC 8252 section 8.9)', async () => {
  const { waiting, token, events } = startLogin(metadata(scripted));
  const event = await waiting;
  const { port } = new URL(event.redirect_uri);
  const hosts = ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  const scanner = `
    const http = require('node:http');
    const ask = (host, method, path, headers) => new Promise((resolve) => {
      const sent = http.request({ host, port: ${port}, method, path, headers, agent: false }, (response) => {
        let all = JSON.stringify([response.statusCode, response.rawHeaders]);
        response.on('data', (chunk) => (all += chunk)).on('end', () => resolve(all));
      });
      sent.on('error', (error) => resolve(String(error))).end();
    });
    (async () => {
      console.log('uid', process.getuid?.());
      for (const host of ${JSON.stringify(hosts)})
        for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS'])
          for (const path of ['/', '/callback', '/callback/done', '/callback?error=access_denied', '/callback?code=x&state=y', '/callback?state=', '/.git', '/favicon.ico'])
            for (const headers of [{}, { host: 'evil.example' }]) console.log(await ask(host, method, path, headers));
    })();
  `;
  // Only root can run a process as another user, not in every container, and not if other users can't reach Node.js.
  const otherUser = { uid: 65_534, gid: 65_534 };
  const canSwitch = spawnSync(process.execPath, ['-e', ''], { cwd: '/', ...otherUser }).status === 0;
  const user = canSwitch ? otherUser : {};
  const { stdout: learned } = await promisify(execFile)(process.execPath, ['-e', scanner], { cwd: '/', ...user });
  expect(learned).toContain(`uid ${canSwitch ? otherUser.uid : process.getuid?.()}`);
  expect(learned.match(/\[40[045],/g)).toHaveLength(64 * hosts.length);
  const requested = new URL(event.url).searchParams;
  for (const name of ['state', 'code_challenge', 'client_id', 'redirect_uri'])
    expect(learned).not.toContain(requested.get(name));
  expect(learned).not.toContain(scripted.origin);
  expect(events.filter(({ type }) => type === 'callback_ignored')).toHaveLength(64 * hosts.length);
  await followCallback(callbackUrl(event, { code: 'c' }));
  await token;
});
