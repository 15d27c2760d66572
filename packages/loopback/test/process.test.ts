import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrive, begin, callback, grantTokens, ipv6, metadata, type Waiting } from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

const program = ['--conditions=@oa/source', fileURLToPath(new URL('program.ts', import.meta.url))];

interface Running {
  child: ChildProcess;
  said: () => string;
  /** Waits for a text on the terminal. */
  until: (pattern: RegExp) => Promise<RegExpExecArray>;
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** What the program reported last. */
  ended: () => { result: string; events: string[]; loaded: string[] };
}

function run(command: string, args: string[], env: Record<string, string | undefined> = {}): Running {
  const { CI: _, SSH_CONNECTION: _s, ...rest } = process.env;
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...rest,
      BROWSER: '',
      DISPLAY: '',
      WAYLAND_DISPLAY: '',
      OA_SERVER: JSON.stringify(metadata(scripted)),
      ...env,
    },
  });
  let said = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said += String(chunk);
      for (const listener of listeners) listener();
    });
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const until = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(said);
        if (match !== null) resolve(match);
      };
      listeners.add(look);
      look();
      exit.then(() => reject(new Error(`the program ended without ${pattern}: ${said}`)), reject);
    });
  const ended = (): ReturnType<Running['ended']> => JSON.parse(/ENDED (.*)/.exec(said)?.[1] ?? 'null');
  return { child, said: () => said, until, exit, ended };
}

async function waitingOf(running: Running): Promise<Waiting> {
  const [url] = await running.until(/http\S+redirect_uri=\S+(?=\s)/);
  const redirect_uri = new URL(url).searchParams.get('redirect_uri') ?? '';
  return { type: 'login_waiting', url, redirect_uri, expires_in: 0, paste: false };
}

function isOpen({ redirect_uri }: Waiting): Promise<boolean> {
  const { hostname, port } = new URL(redirect_uri);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const always = { OA_OPTIONS: JSON.stringify({ interaction: 'always' }) };

describe('B12: the port is free', () => {
  it('after SIGINT', async () => {
    const running = run(process.execPath, program, always);
    const waiting = await waitingOf(running);
    expect(await isOpen(waiting)).toBe(true);
    running.child.kill('SIGINT');
    expect(await running.exit).toEqual({ code: null, signal: 'SIGINT' });
    expect(await isOpen(waiting)).toBe(false);
  });

  it('after a SIGINT that the program turns into an abort; then nothing keeps it alive', async () => {
    const running = run(process.execPath, program, { ...always, OA_HANDLE_SIGINT: '1' });
    const waiting = await waitingOf(running);
    running.child.kill('SIGINT');
    expect(await running.exit).toEqual({ code: 0, signal: null });
    expect(running.ended().result).toBe('interrupted');
    expect(await isOpen(waiting)).toBe(false);
  });

  it('after the timeout, and then nothing keeps the process alive', async () => {
    const running = run(process.execPath, program, {
      OA_OPTIONS: JSON.stringify({ interaction: 'always', timeout: 200 }),
    });
    const waiting = await waitingOf(running);
    expect(await running.exit).toEqual({ code: 0, signal: null });
    expect(running.ended().result).toBe('login_timeout');
    expect(await isOpen(waiting)).toBe(false);
  });

  it('after a login, and then nothing keeps the process alive', async () => {
    const running = run(process.execPath, program, always);
    const waiting = await waitingOf(running);
    await arrive(callback(waiting, { code: 'c' }));
    expect(await running.exit).toEqual({ code: 0, signal: null });
    expect(running.ended()).toMatchObject({ result: 'token' });
    expect(running.said()).not.toContain('secret-access-token');
  });
});

describe('nobody there: login_required, without a socket or a browser', () => {
  it.each([
    ['no terminal', {}],
    ['interaction never', { OA_OPTIONS: JSON.stringify({ interaction: 'never' }) }],
    ['no terminal, though a browser is named', { BROWSER: 'touch', OA_OPTIONS: JSON.stringify({ openBrowser: true }) }],
  ])('%s', async (_, env) => {
    const running = run(process.execPath, program, env);
    expect(await running.exit).toEqual({ code: 0, signal: null });
    // http is what could listen, and child_process what could start a browser: neither was ever loaded.
    expect(running.ended()).toEqual({ result: 'login_required', events: [], loaded: [] });
  });
});

/** A pseudo-terminal, by util-linux's `script`: what is written to its stdin is typed. */
function inTerminal(env: Record<string, string | undefined> = {}): Running {
  const quoted = [process.execPath, ...program].map((word) => `'${word}'`).join(' ');
  return run('script', ['-qefc', `stty cols 80; exec ${quoted}`, '/dev/null'], { TERM: 'xterm', ...env });
}

// Linux only: `script` takes other arguments elsewhere.
describe.skipIf(process.platform !== 'linux')('in a terminal (Linux only)', () => {
  it('paste-back: a long address is typed in, and the program goes on and ends by itself', async () => {
    scripted.requests.length = 0;
    const running = inTerminal();
    const waiting = await waitingOf(running);
    await running.until(/paste its address here/);
    running.child.stdin?.write(`nonsense\r`);
    await running.until(/not the address that this login ends on/);
    running.child.stdin?.write(`${callback(waiting, { code: `pasted-${'x'.repeat(6000)}` }).href}\r`);
    expect(await running.exit).toMatchObject({ code: 0 });
    expect(running.ended()).toMatchObject({ result: 'token' });
    expect(running.ended().events).toEqual([
      'login_waiting',
      'browser_unavailable',
      'pasted_ignored',
      'callback_received',
      'code_exchanged',
    ]);
    expect(scripted.requestsTo('/token')[0]?.form.get('code')).toHaveLength(6007);
    expect(await isOpen(waiting)).toBe(false);
  });

  it('the browser comes first: the terminal is released, and the program ends by itself', async () => {
    const running = inTerminal();
    await arrive(callback(await waitingOf(running), { code: 'c' }));
    expect(await running.exit).toMatchObject({ code: 0 });
    expect(running.ended()).toMatchObject({ result: 'token' });
  });

  it('B12: Ctrl-C ends the program as always, and frees the port', async () => {
    const running = inTerminal();
    const waiting = await waitingOf(running);
    await running.until(/paste its address here/);
    running.child.stdin?.write('\u0003');
    expect(await running.exit).toMatchObject({ code: 130 });
    expect(running.ended()).toBeNull();
    expect(await isOpen(waiting)).toBe(false);
  });

  it('CI is nobody, although there is a terminal', async () => {
    const running = inTerminal({ CI: 'true' });
    expect(await running.exit).toMatchObject({ code: 0 });
    expect(running.ended()).toEqual({ result: 'login_required', events: [], loaded: [] });
  });
});

it('B4, B6: another user of this machine who scans the port learns nothing, and ends nothing', async () => {
  const { waiting, token, events } = begin(metadata(scripted));
  const told = await waiting;
  const { port } = new URL(told.redirect_uri);
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
  // Only root can become somebody else, and not in every container; without that it is at least another process.
  const nobody = { uid: 65_534, gid: 65_534 };
  const possible = spawnSync(process.execPath, ['-e', ''], { cwd: '/', ...nobody }).status === 0;
  const other = possible ? nobody : {};
  const child = spawn(process.execPath, ['-e', scanner], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/', ...other });
  let learned = '';
  for await (const chunk of child.stdout) learned += String(chunk);
  expect(learned).toContain(`uid ${possible ? nobody.uid : process.getuid?.()}`);
  expect(learned.match(/\[40[045],/g)).toHaveLength(64 * hosts.length);
  const asked = new URL(told.url).searchParams;
  for (const name of ['state', 'code_challenge', 'client_id', 'redirect_uri'])
    expect(learned).not.toContain(asked.get(name));
  expect(learned).not.toContain(scripted.origin);
  expect(events.filter(({ type }) => type === 'callback_ignored')).toHaveLength(64 * hosts.length);
  await arrive(callback(told, { code: 'c' }));
  await token;
});
