import { spawnSync } from 'node:child_process';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, startProcess } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { login } from '../src/index.ts';
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
  it('is the registered one if that is free, because some servers insist on it, otherwise a random one', async () => {
    const port = await freePort();
    const uris = [`http://127.0.0.1:${port}/cb`];
    expect(await observeRedirect(scripted, { port: [port] }, uris)).toEqual({
      uri: `http://127.0.0.1:${port}/cb`,
      families: FAMILIES,
    });
    const { waiting, token } = startLogin(metadata(scripted), {}, { client: { ...client, redirect_uris: uris } });
    expect((await waiting).redirect_uri).toBe(uris[0]);
    await using held = await occupy(['127.0.0.1']);
    const busy = [`http://127.0.0.1:${held.port}/cb`];
    const other = startLogin(metadata(scripted), {}, { client: { ...client, redirect_uris: busy } });
    expect((await other.waiting).redirect_uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/cb$/);
    expect((await other.waiting).redirect_uri).not.toBe(busy[0]);
    for (const started of [{ waiting, token }, other]) {
      await followCallback(callbackUrl(await started.waiting, { code: 'c' }));
      await started.token;
    }
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

describe('a second login of this process on the same fixed port', () => {
  it('waits for the first one, and says so', async () => {
    const port = await freePort();
    const first = startLogin(metadata(scripted), {}, { port });
    await first.waiting;
    const second = startLogin(metadata(scripted), {}, { port });
    await expect.poll(() => second.events, { timeout: 20_000 }).toEqual([{ type: 'port_waiting', port }]);
    expect(second.printed).toEqual([
      `Another login of this program uses port ${port}. This login waits for it to end.\n`,
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
  ]);
  const targets = (['127.0.0.1', '[::1]'] as const).map((host) => ({ host, port: 0, path: '/' }));
  const found = ([bound, 'busy', 'absent'] as const).map((v4) => findUsableTarget(targets, 1, v4, bound)?.host);
  expect(found).toEqual(['127.0.0.1', undefined, '[::1]']);
  const codes = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EADDRINUSE', 'EACCES'];
  expect(codes.map((code) => toListenFailure({ code }))).toEqual(['absent', 'absent', 'busy', 'busy']);
  expect(toListenFailure({})).toBe('busy');
});
