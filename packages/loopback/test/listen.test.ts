import { spawnSync } from 'node:child_process';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, startProcess } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { login } from '@oa/loopback';
import { findUsableTarget, isHostUsable, toListenFailure } from '../src/listen.ts';
import { finishLogin, followCallback, startLogin, callbackUrl, client, grantTokens, ipv6, metadata } from './help.ts';
import { FAMILIES, freePort, LOOPBACK, observeRedirect, occupy } from './ports.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

/** The command that runs another one in a network namespace, the only place that can lack an address family. */
function namespace(setup: string): [string, ...string[]] {
  return ['unshare', '-rn', 'sh', '-c', `ip link set lo up && ${setup} && exec "$@"`, 'sh'];
}
const [unshare, ...probe] = namespace('ip -6 addr show dev lo | grep -q ::1');
const canUnshare = spawnSync(unshare, [...probe, 'true']).status === 0;

describe('the port', () => {
  it('is the registered one, because many servers compare ports against RFC 8252 section 7.3, otherwise a random one', async () => {
    const port = await freePort();
    const uris = [`http://127.0.0.1:${port}/cb`];
    for (const ports of [[port], [0, port]])
      expect(await observeRedirect(scripted, { port: ports }, uris)).toEqual({
        uri: `http://127.0.0.1:${port}/cb`,
        families: FAMILIES,
      });
    const { waiting, token } = startLogin(metadata(scripted), {}, { client: { ...client, redirect_uris: uris } });
    expect((await waiting).redirect_uri).toBe(uris[0]);
    await followCallback(callbackUrl(await waiting, { code: 'c' }));
    await token;
    await using held = await occupy(['127.0.0.1']);
    const busy = [`http://127.0.0.1:${held.port}/cb`];
    expect((await observeRedirect(scripted, {}, busy)).uri).toBe('port_unavailable');
    expect((await observeRedirect(scripted, {}, [...busy, ...uris])).uri).toBe('http://127.0.0.1:*/cb');
    expect((await observeRedirect(scripted, {}, [...busy, 'http://127.0.0.1/other'])).uri).toBe(
      'http://127.0.0.1:*/other',
    );
  });

  it('is never used on ::1 because 127.0.0.1 is busy: the next port is tried, then the login fails', async () => {
    await using v4 = await occupy(['127.0.0.1']);
    const free = await freePort();
    const registered = [`http://127.0.0.1:${v4.port}/cb`, `http://[::1]:${free}/cb`, `http://[::1]:${v4.port}/cb`];
    for (const options of [{ port: v4.port }, { port: v4.port, redirectHost: '127.0.0.1' as const }])
      expect((await observeRedirect(scripted, options)).uri).toBe('port_unavailable');
    expect((await observeRedirect(scripted, { port: [v4.port] }, registered)).uri).toBe('port_unavailable');
    expect((await observeRedirect(scripted, { port: [v4.port, free] })).uri).toBe(`http://127.0.0.1:${free}/callback`);
  });

  it.skipIf(!ipv6)('is told as taken by another program, if ::1 is busy and the host is ::1 (needs ::1)', async () => {
    await using v6 = await occupy(['::1']);
    const options = { port: v6.port, redirectHost: '[::1]', openBrowser: () => undefined } as const;
    const error = await rejectionOf(login(metadata(scripted), client, {}, options));
    expect(error).toMatchObject({ code: 'port_unavailable' });
    expect(error.message).toContain(`port ${v6.port}, which another program uses`);
  });

  it.skipIf(!ipv6)('is used on 127.0.0.1 if only ::1 is busy (RFC 8252 section 7.3; needs ::1)', async () => {
    await using v6 = await occupy(['::1']);
    expect(await observeRedirect(scripted, { port: v6.port })).toEqual({
      uri: `http://127.0.0.1:${v6.port}/callback`,
      families: ['127.0.0.1'],
    });
  });

  it('is not used for localhost if another program has it on one of the addresses', async () => {
    for (const host of LOOPBACK) {
      await using held = await occupy([host]);
      expect((await observeRedirect(scripted, { port: held.port, redirectHost: 'localhost' })).uri).toBe(
        'port_unavailable',
      );
      const free = await freePort();
      expect(await observeRedirect(scripted, { port: [held.port, free], redirectHost: 'localhost' })).toEqual({
        uri: `http://localhost:${free}/callback`,
        families: FAMILIES,
      });
    }
  });

  it('is named in the error if it is busy, and no browser is started', async () => {
    await using held = await occupy(LOOPBACK);
    const opened: string[] = [];
    const error = await rejectionOf(
      login(metadata(scripted), client, {}, { port: [held.port], openBrowser: (url) => opened.push(url) }),
    );
    expect(error).toMatchObject({ code: 'port_unavailable' });
    expect(error.message).toContain(`tried port ${held.port}`);
    expect(opened).toEqual([]);
  });

  it.skipIf(!canUnshare).each([
    ['without IPv4', 'ip addr del 127.0.0.1/8 dev lo', /^http:\/\/\[::1\]:\d+\/callback$/],
    ['without IPv6', 'ip addr del ::1/128 dev lo', /^http:\/\/127\.0\.0\.1:\d+\/callback$/],
  ])('is found on a machine %s (needs unshare and ip)', async (_, setup, uri) => {
    const program = new URL('programs/one-login.ts', import.meta.url);
    const { stdout, stderr, code } = await startProcess(program, { under: namespace(setup) }).ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.trim()).toMatch(uri);
  });
});

const program = new URL('programs/fixed-port.ts', import.meta.url);

it.skipIf(!canUnshare).each([
  [['http://127.0.0.1:8400/cb', 'http://[::1]:8400/cb'], 'http://[::1]:8400/cb'],
  [['http://127.0.0.1:8400/cb', 'http://localhost:8401/cb'], 'http://localhost:8401/cb'],
  [['http://localhost:8400'], 'http://localhost:8400'],
])('a client with %j logs in on a machine without IPv4 (needs unshare and ip)', async (redirect_uris, uri) => {
  const under = namespace('ip addr del 127.0.0.1/8 dev lo');
  const running = startProcess(program, { task: { redirect_uris }, under });
  const [, url = ''] = await running.printed(/login_waiting (\S+)/);
  running.kill('SIGKILL');
  expect(new URL(url).searchParams.get('redirect_uri')).toBe(uri);
});

describe('the error names the reason, and what to do', () => {
  const withoutPrivilege = 'setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service';

  it.skipIf(!canUnshare).each([
    [
      'a privileged port',
      `exec ${withoutPrivilege} "$@"`,
      ['http://127.0.0.1:80/cb'],
      /tried port 80, which this program may not use: ports below 1024/,
    ],
    [
      'an address that is missing',
      'ip addr del 127.0.0.1/8 dev lo',
      ['http://127.0.0.1:8400/cb'],
      /tried port 8400, but this machine does not have the address/,
    ],
  ])('for %s (needs unshare, ip and setpriv)', async (_, setup, redirect_uris, message) => {
    const { stdout } = await startProcess(program, { task: { redirect_uris }, under: namespace(setup) }).ended;
    expect(stdout).toMatch(/^port_unavailable No port on 127\.0\.0\.1 is available/);
    expect(stdout).toMatch(message);
    expect(stdout).toContain('Choose another port with the option port');
  });
});

describe('a second login of this process on the same fixed port', () => {
  it('waits for the first one, and says so', async () => {
    const port = await freePort();
    const first = startLogin(metadata(scripted), {}, { port });
    await first.waiting;
    const second = startLogin(metadata(scripted), {}, { port });
    await expect.poll(() => second.events, { timeout: 20_000 }).toEqual([{ type: 'port_waiting', port }]);
    expect(second.printed).toEqual([
      `Another login uses port ${port}. This one waits for it: complete that login, or end its program.\n`,
    ]);
    await finishLogin(first);
    expect((await second.waiting).redirect_uri).toBe((await first.waiting).redirect_uri);
    await finishLogin(second);
  });

  it('fails with port_unavailable after its timeout, and with the reason of an abort', async () => {
    const port = await freePort();
    const first = startLogin(metadata(scripted), {}, { port });
    await first.waiting;
    const late = startLogin(metadata(scripted), {}, { port, timeout: 100 });
    expect(await rejectionOf(late.token)).toMatchObject({ code: 'port_unavailable' });
    const reason = new Error('enough');
    const aborted = startLogin(metadata(scripted), {}, { port, signal: AbortSignal.abort(reason) });
    await expect(aborted.token).rejects.toBe(reason);
    await finishLogin(first);
  });
});

it('uses the path that is registered with the port', async () => {
  const [one, two] = [await freePort(), await freePort()];
  const uris = [`http://127.0.0.1:${one}/one`, `http://127.0.0.1:${two}/two`];
  for (const [port, uri] of [
    [one, uris[0]],
    [two, uris[1]],
  ] as const)
    expect((await observeRedirect(scripted, { port: [port] }, uris)).uri).toBe(uri);
});

it('uses the hosts that only this process can receive on', () => {
  const bound = {} as Parameters<typeof isHostUsable>[1];
  const table = (
    [
      [bound, bound],
      [bound, 'busy'],
      [bound, 'absent'],
      ['busy', bound],
      ['absent', bound],
      ['absent', 'absent'],
      ['busy', 'busy'],
      [bound, 'denied'],
      ['denied', bound],
    ] as const
  ).map(([v4, v6]) => (['127.0.0.1', '[::1]', 'localhost'] as const).filter((host) => isHostUsable(host, v4, v6)));
  expect(table).toEqual([
    ['127.0.0.1', '[::1]', 'localhost'],
    ['127.0.0.1'],
    ['127.0.0.1', 'localhost'],
    ['[::1]'],
    ['[::1]', 'localhost'],
    [],
    [],
    ['127.0.0.1'],
    ['[::1]'],
  ]);
  const targets = (['127.0.0.1', '[::1]'] as const).map((host) => ({ host, port: 0, path: '/' }));
  const found = ([bound, 'busy', 'absent'] as const).map((v4) => findUsableTarget(targets, 1, v4, bound)?.host);
  expect(found).toEqual(['127.0.0.1', undefined, '[::1]']);
  const codes = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EADDRINUSE', 'EACCES'];
  expect(codes.map((code) => toListenFailure({ code }))).toEqual(['absent', 'absent', 'busy', 'denied']);
  expect(toListenFailure({})).toBe('busy');
});
