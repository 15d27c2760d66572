import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usable, whyNot } from '../src/listen.ts';
import { login, loopbackRedirectUris, type LoginOptions } from '../src/index.ts';
import { arrive, begin, callback, client, grantTokens, ipv6, metadata, send } from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

/** Holds a port on some addresses. Port 0 draws one that is free on all of them. */
async function occupy(hosts: string[], port = 0): Promise<{ port: number; [Symbol.asyncDispose](): Promise<void> }> {
  const servers: Server[] = [];
  let actual = port;
  for (const host of hosts) {
    const server = createServer((socket) => socket.destroy());
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host, port: actual, ipv6Only: true }, resolve);
    });
    actual = (server.address() as AddressInfo).port;
  }
  return {
    port: actual,
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))),
  };
}

const LOOPBACK = ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];

/** A port that nobody has, as far as one can know. */
async function freePort(): Promise<number> {
  await using held = await occupy(LOOPBACK);
  return held.port;
}

/** Logs in, and returns the redirect URI and the families that answered. */
async function where(options: LoginOptions, redirect_uris?: string[]): Promise<{ uri: string; families: string[] }> {
  const whole = redirect_uris === undefined ? client : { ...client, redirect_uris };
  const { waiting, token } = begin(metadata(scripted), {}, { ...options, client: whole });
  const told = await waiting.catch(() => undefined);
  if (told === undefined) return { uri: (await rejectionOf(token)).code, families: [] };
  const { port } = new URL(told.redirect_uri);
  const families: string[] = [];
  for (const host of ['127.0.0.1', '[::1]']) {
    const answer = await send(`http://${host}:${port}/none`).catch(() => undefined);
    if (answer?.status === 404 && answer.headers['referrer-policy'] === 'no-referrer') families.push(host);
  }
  await arrive(callback(told, { code: 'c' }));
  await token;
  return { uri: told.redirect_uri.replace(`:${port}`, options.port === undefined ? ':*' : `:${port}`), families };
}

const BOTH = ipv6 ? ['127.0.0.1', '[::1]'] : ['127.0.0.1'];

describe('B2: the redirect URI', () => {
  it('has an IP literal unless asked otherwise, and both families answer', async () => {
    expect(await where({})).toEqual({ uri: 'http://127.0.0.1:*/callback', families: BOTH });
  });
  it.skipIf(!ipv6)('is the IPv6 literal where that was asked for (needs ::1)', async () => {
    expect(await where({ redirectHost: '[::1]' })).toEqual({ uri: 'http://[::1]:*/callback', families: BOTH });
  });
  it('has localhost where that was asked for, and then too both families answer on one port', async () => {
    expect(await where({ redirectHost: 'localhost' })).toEqual({ uri: 'http://localhost:*/callback', families: BOTH });
  });
  it.each([
    [['http://127.0.0.1/cb'], 'http://127.0.0.1:*/cb'],
    [
      ['http://localhost/a', 'http://[::1]/b', 'https://app.example/c'],
      ipv6 ? 'http://[::1]:*/b' : 'http://localhost:*/a',
    ],
    [['http://localhost/a', 'http://127.0.0.1/b', 'http://[::1]/c'], 'http://127.0.0.1:*/b'],
    [['http://localhost'], 'http://localhost:*'],
    [[], 'http://127.0.0.1:*/callback'],
    [
      ['https://app.example/c', 'com.example:/cb', 'http://127.0.0.1.evil.example/', 'http://10.0.0.1/'],
      'client_required',
    ],
    // What a server may have registered instead: another host, as a browser reads it, escape sequences, a header of its own.
    [
      [
        'http://127.0.0.1//evil.example/cb',
        'http://127.0.0.1/\\evil.example',
        'http://127.0.0.1/\u001b[2J',
        'http://127.0.0.1/\r\nx: y',
      ],
      'client_required',
    ],
  ])('fits what is registered: %j', async (redirect_uris, uri) => {
    expect((await where({}, redirect_uris)).uri).toBe(uri);
  });
  it('the option chooses among the registered ones', async () => {
    const uris = ['http://127.0.0.1/a', 'http://localhost/b'];
    expect((await where({ redirectHost: 'localhost' }, uris)).uri).toBe('http://localhost:*/b');
    expect((await where({ redirectHost: '[::1]' }, uris)).uri).toBe('client_required');
  });
  it('what is to be registered is what will be used', async () => {
    expect(loopbackRedirectUris()).toEqual(['http://127.0.0.1/callback', 'http://[::1]/callback']);
    expect(loopbackRedirectUris({ redirectHost: 'localhost', port: [1, 2] })).toEqual([
      'http://localhost:1/callback',
      'http://localhost:2/callback',
    ]);
    const port = await freePort();
    expect(loopbackRedirectUris({ port })).toContain((await where({ port })).uri);
  });
});

// Only a network namespace of its own can be without one of the families.
const namespaced = (setup: string, ...command: string[]) =>
  spawnSync('unshare', ['-rn', 'sh', '-c', `ip link set lo up && ${setup} && exec "$@"`, 'sh', ...command], {
    encoding: 'utf8',
  });
const possible = namespaced('ip -6 addr show dev lo | grep -q ::1', 'true').status === 0;

describe('B3: ports', () => {
  it('a registered port is used if it is free, because some servers insist, and any other if not', async () => {
    const port = await freePort();
    const uris = [`http://127.0.0.1:${port}/cb`];
    expect(await where({ port: [port] }, uris)).toEqual({ uri: `http://127.0.0.1:${port}/cb`, families: BOTH });
    const { waiting, token } = begin(metadata(scripted), {}, { client: { ...client, redirect_uris: uris } });
    expect((await waiting).redirect_uri).toBe(uris[0]);
    await using held = await occupy(['127.0.0.1']);
    const busy = [`http://127.0.0.1:${held.port}/cb`];
    const other = begin(metadata(scripted), {}, { client: { ...client, redirect_uris: busy } });
    expect((await other.waiting).redirect_uri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/cb$/);
    expect((await other.waiting).redirect_uri).not.toBe(busy[0]);
    for (const { waiting: told, token: end } of [{ waiting, token }, other]) {
      await arrive(callback(await told, { code: 'c' }));
      await end;
    }
  });

  it.skipIf(!ipv6)('with 127.0.0.1 taken the login goes over ::1, and the other way round (needs ::1)', async () => {
    await using v4 = await occupy(['127.0.0.1']);
    expect(await where({ port: v4.port })).toEqual({ uri: `http://[::1]:${v4.port}/callback`, families: ['[::1]'] });
    expect((await where({ port: v4.port, redirectHost: '127.0.0.1' })).uri).toBe('port_unavailable');
    await using v6 = await occupy(['::1']);
    expect(await where({ port: v6.port })).toEqual({
      uri: `http://127.0.0.1:${v6.port}/callback`,
      families: ['127.0.0.1'],
    });
  });

  it('localhost is not used on a port of which another program has a half', async () => {
    for (const host of LOOPBACK) {
      await using held = await occupy([host]);
      expect((await where({ port: held.port, redirectHost: 'localhost' })).uri).toBe('port_unavailable');
      const free = await freePort();
      expect(await where({ port: [held.port, free], redirectHost: 'localhost' })).toEqual({
        uri: `http://localhost:${free}/callback`,
        families: BOTH,
      });
    }
  });

  it('a busy port is a typed error that names it, and no browser was started', async () => {
    await using held = await occupy(LOOPBACK);
    const opened: string[] = [];
    const error = await rejectionOf(
      login(metadata(scripted), client, {}, { port: [held.port], openBrowser: (url) => opened.push(url) }),
    );
    expect(error).toMatchObject({ code: 'port_unavailable' });
    expect(error.message).toContain(`tried port ${held.port}`);
    expect(opened).toEqual([]);
  });

  it.skipIf(!possible).each([
    ['without IPv4', 'ip addr del 127.0.0.1/8 dev lo', /^http:\/\/\[::1\]:\d+\/callback$/],
    ['without IPv6', 'ip addr del ::1/128 dev lo', /^http:\/\/127\.0\.0\.1:\d+\/callback$/],
  ])('on a machine %s (needs unshare and ip)', (_, setup, uri) => {
    const program = fileURLToPath(new URL('one-login.ts', import.meta.url));
    const { stdout, stderr, status } = namespaced(setup, process.execPath, '--conditions=@oa/source', program);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout.trim()).toMatch(uri);
  });
});

it('B3: which hosts can be used, by what could be listened on', () => {
  const bound = {} as Parameters<typeof usable>[1];
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
  ).map(([v4, v6]) => (['127.0.0.1', '[::1]', 'localhost'] as const).filter((host) => usable(host, v4, v6)));
  expect(table).toEqual([
    ['127.0.0.1', '[::1]', 'localhost'],
    ['127.0.0.1'],
    ['127.0.0.1', 'localhost'],
    ['[::1]'],
    ['[::1]', 'localhost'],
    [],
    [],
  ]);
  const codes = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EADDRINUSE', 'EACCES'];
  expect(codes.map((code) => whyNot({ code }))).toEqual(['absent', 'absent', 'busy', 'busy']);
  expect(whyNot({})).toBe('busy');
});

it.each([
  [{ port: -1 }, 'options.port'],
  [{ port: 65_536 }, 'options.port'],
  [{ port: 1.5 }, 'options.port'],
  [{ port: [] }, 'options.port'],
  [{ openBrowse: false } as never, 'unknown option of a login: openBrowse'],
  [{ port: '80' as never }, 'options.port'],
  [{ redirectHost: '0.0.0.0' as never }, 'options.redirectHost'],
  [{ timeout: 0 }, 'options.timeout'],
  [{ timeout: 2 ** 31 }, 'options.timeout'],
  [{ timeout: Number.NaN }, 'options.timeout'],
  [{ openBrowser: 'firefox' as never }, 'options.openBrowser'],
  [{ paste: {} as never }, 'options.paste'],
  [{ interaction: 'sometimes' as never }, 'options.interaction'],
])('wrong options %j are a TypeError', async (options, name) => {
  await expect(login(metadata(scripted), client, {}, options)).rejects.toThrow(name);
  await expect(login(metadata(scripted), client, {}, options)).rejects.toThrow(TypeError);
});
