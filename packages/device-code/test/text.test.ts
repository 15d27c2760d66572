import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import type { OAuthEvent } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { describe, expect, it, vi } from 'vitest';
import { awaitDeviceLogin, deviceLoginText, type DeviceLogin } from '../src/index.ts';

const started: DeviceLogin = {
  device_code: 'secret-device-code',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.example/device',
  expires_in: 600,
  expires_at: 2_000_000_000,
  interval: 5,
};
const complete = { ...started, verification_uri_complete: 'https://as.example/device?user_code=WDJB-MJHT' };

describe('F5: the code is always shown', () => {
  it('without a complete URI', async () => {
    expect(await deviceLoginText(started, { columns: 80 })).toBe(`To log in, open

    https://as.example/device

on any device within 10 minutes, and enter the code

    WDJB-MJHT
`);
  });

  it('with a complete URI, to be compared', async () => {
    expect(await deviceLoginText({ ...complete, expires_in: 59 })).toBe(`To log in, open

    https://as.example/device?user_code=WDJB-MJHT

on any device within 1 minute, and check that it shows the code

    WDJB-MJHT

(or enter it at https://as.example/device)
`);
  });

  it('with a QR code of the complete URI, where the terminal is wide enough', async () => {
    const text = await deviceLoginText(complete, { columns: 80 });
    const rows = text.split('\n').filter((line) => line.startsWith('\u001B[97;40m'));
    expect(rows.length).toBeGreaterThan(12);
    expect(rows.every((row) => row.endsWith('\u001B[0m'))).toBe(true);
    const width = stripVTControlCharacters(rows[0] ?? '').length;
    expect(text.replace(`${rows.join('\n')}\n\n`, '')).toBe(await deviceLoginText(complete));
    expect(await deviceLoginText(complete, { columns: width })).toBe(text);
    expect(await deviceLoginText(complete, { columns: width - 1 })).toBe(await deviceLoginText(complete));
    expect(text).toContain('    WDJB-MJHT\n');
  });

  it('without a QR code where the URI is longer than one can be', async () => {
    const long = { ...complete, verification_uri_complete: `https://as.example/?${'x'.repeat(4000)}` };
    expect(await deviceLoginText(long, { columns: 1000 })).toBe(await deviceLoginText(long));
  });

  it('by the wait itself: on stderr, or by print; and the event tells it all', async () => {
    const { expires_at: _, device_code: _d, ...told } = complete;
    await using scripted = await startScriptedServer({
      '/token': { json: { access_token: 'a', token_type: 'Bearer' } },
    });
    const server = { issuer: scripted.origin, token_endpoint: `${scripted.origin}/token` };
    const quick = { ...complete, interval: 0.01 };
    const events: OAuthEvent[] = [];
    const printed: string[] = [];
    await awaitDeviceLogin(server, { client_id: 'x' }, quick, {
      print: (text) => printed.push(text),
      onEvent: (event) => events.push(event),
    });
    expect(printed.join('')).toContain('WDJB-MJHT');
    expect(events).toEqual([{ type: 'device_waiting', ...told, interval: 0.01 }]);

    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    await awaitDeviceLogin(server, { client_id: 'x' }, quick);
    const said = write.mock.calls.map(([text]) => String(text)).join('');
    write.mockRestore();
    expect(said).toContain('WDJB-MJHT');
    expect(said).not.toContain('secret-device-code');
  });
});

it('importing the package loads nothing but itself', async () => {
  const program = `
    const { registerHooks } = await import('node:module');
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    await import('@oa/device-code');
    console.log(JSON.stringify(loaded.filter((url) => url.startsWith('node:') || url.includes('/node_modules/'))));
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@oa/source', '--input-type=module', '-e', program],
    {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    },
  );
  expect(JSON.parse(stdout)).toEqual([]);
});

// Linux only: util-linux's `script` is the pseudo-terminal.
it.skipIf(process.platform !== 'linux')(
  'F5: in a terminal a person sees code and QR code, approves, and the program ends (Linux only)',
  async () => {
    await using real = await startAuthorizationServer();
    const program = fileURLToPath(new URL('program.ts', import.meta.url));
    const child = spawn(
      'script',
      ['-qefc', `stty cols 100; exec '${process.execPath}' --conditions=@oa/source '${program}'`, '/dev/null'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, TERM: 'xterm', OA_ISSUER: real.issuer, OA_CLIENT: JSON.stringify(real.public) },
      },
    );
    let said = '';
    child.stdout.on('data', (chunk) => (said += String(chunk)));
    const exit = new Promise((resolve) => {
      child.once('close', resolve);
    });
    await vi.waitFor(() => expect(said).toContain('(or enter it at'), { timeout: 15_000 });
    const uri = /http\S+user_code=[A-Z-]{9}/.exec(said)?.[0] ?? '';
    expect(said).toContain('\u001B[97;40m');
    expect(said).toMatch(/    [A-Z]{4}-[A-Z]{4}\r\n/);
    await real.approveDevice(uri);
    expect(await exit).toBe(0);
    expect(said).toContain('GRANTED read');
  },
);
