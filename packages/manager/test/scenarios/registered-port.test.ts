import { writeFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ManagerOptions } from '@oa/manager';
import { loopbackRedirectUris } from '@oa/loopback';
import { describe, expect, it } from 'vitest';
import { freePort, occupyPort } from '../ports.ts';
import { registeredClient, registeredFile, startAgent, startRegistrar, type Registrar } from '../registrar.ts';
import { managerAt, startJob, temporaryDirectory, typesOf } from '../setup.ts';

/** Logs in as a new process would, for one scope. Returns the events. */
async function logIn(
  registrar: Registrar,
  directory: string,
  scope: string,
  login: ManagerOptions['login'] = {},
): Promise<string[]> {
  const { manager, events } = managerAt(directory, { login: { openBrowser: registrar.openBrowser, ...login } });
  await manager.getToken(registrar.metadata, { scope });
  return typesOf(events);
}

function portsOf(registrar: Registrar): string[] {
  return registrar.redirectUris().map((uri) => new URL(uri).port);
}

async function start(managed: boolean): Promise<{ registrar: Registrar; directory: string }> {
  const registrar = await startRegistrar();
  registrar.managed = managed;
  return { registrar, directory: temporaryDirectory() };
}

/** Writes what an earlier run or version has registered. */
function remember(directory: string, { metadata, clients }: Registrar, redirect_uris: string[]): void {
  clients.set('earlier', undefined);
  const file = registeredFile(directory);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify({ [metadata.issuer]: { client_id: 'earlier', redirect_uris } }), { mode: 0o600 });
}

describe('a registered port (RFC 8252 section 7.3)', () => {
  it('is drawn before the registration, and used by this login and the next ones: the server can compare it', async () => {
    const { registrar, directory } = await start(false);
    for (const scope of ['one', 'two', 'three']) await logIn(registrar, directory, scope);
    expect(registrar.registrations()).toBe(1);
    const [used, ...later] = registrar.redirectUris();
    expect(later).toEqual([used, used]);
    expect(registeredClient(directory, registrar)?.['redirect_uris']).toContain(used);
  });

  it('is replaced by a new registration where another program has it, once for 5 processes with 5 logins', async () => {
    const { registrar, directory } = await start(false);
    await logIn(registrar, directory, 'one');
    const { close } = await occupyPort(Number(portsOf(registrar)[0]));
    const agent = await startAgent(registrar);
    const jobs = ['two', 'three', 'four', 'five', 'six'].map((scope) =>
      startJob({ directory, target: registrar.metadata, credentials: { scope }, agent }),
    );
    const results = (await Promise.all(jobs.map(async (job) => job.results))).flat();
    expect(results.map(({ ok }) => ok)).toEqual(jobs.map(() => true));
    expect(registrar.registrations()).toBe(2);
    await close();
    await logIn(registrar, directory, 'seven');
    expect(registrar.registrations()).toBe(2);
    const [first, ...others] = portsOf(registrar);
    expect([others.length, new Set(others).size]).toEqual([6, 1]);
    expect(others).not.toContain(first);
  });

  it('that another program has is told of in an event', async () => {
    const { registrar, directory } = await start(false);
    await logIn(registrar, directory, 'one');
    await occupyPort(Number(portsOf(registrar)[0]));
    expect(await logIn(registrar, directory, 'two')).toContain('registration_replaced');
  });

  it('is changed in the registration where the server lets the client do that (RFC 7592 section 2.2)', async () => {
    const { registrar, directory } = await start(true);
    await logIn(registrar, directory, 'one');
    await occupyPort(Number(portsOf(registrar)[0]));
    const events = await Promise.all(['two', 'three'].map((scope) => logIn(registrar, directory, scope)));
    expect(registrar.registrations()).toBe(1);
    expect(registrar.managements().filter((method) => method === 'PUT')).toHaveLength(1);
    expect(events.flat()).toContain('registration_renewed');
    expect(registeredClient(directory, registrar)?.['redirect_uris']).toContain(registrar.redirectUris().at(-1));
    expect(new Set(portsOf(registrar)).size).toBe(2);
  });

  it('is replaced by a new registration where the server refuses the change', async () => {
    const { registrar, directory } = await start(true);
    await logIn(registrar, directory, 'one');
    await occupyPort(Number(portsOf(registrar)[0]));
    registrar.manage = ({ method }) =>
      method === 'PUT' ? { status: 403, json: { error: 'access_denied' } } : undefined;
    await logIn(registrar, directory, 'two');
    await logIn(registrar, directory, 'three');
    expect(registrar.registrations()).toBe(2);
  });

  it('stays, with its client, where no new client can be registered', async () => {
    const { registrar, directory } = await start(false);
    await logIn(registrar, directory, 'one');
    const { close } = await occupyPort(Number(portsOf(registrar)[0]));
    registrar.register = () => ({ status: 403, json: { error: 'access_denied' } });
    await expect(logIn(registrar, directory, 'two')).rejects.toMatchObject({ error: 'access_denied' });
    await close();
    await logIn(registrar, directory, 'two');
    expect(new Set(registrar.redirectUris()).size).toBe(1);
  });

  it('is waited for where another login of the user has it, without another registration', async () => {
    const { registrar, directory } = await start(false);
    await logIn(registrar, directory, 'one');
    const opened = Promise.withResolvers<string>();
    const first = logIn(registrar, directory, 'two', { openBrowser: opened.resolve });
    const startUrl = await opened.promise;
    const { manager, events } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
    const second = manager.getToken(registrar.metadata, { scope: 'three' });
    await expect.poll(() => typesOf(events), { timeout: 20_000 }).toContain('port_waiting');
    await registrar.openBrowser(startUrl);
    await Promise.all([first, second]);
    expect(registrar.registrations()).toBe(1);
    expect(new Set(registrar.redirectUris()).size).toBe(1);
  });
});

describe('the options of the login', () => {
  it('cause a new registration where they no longer fit the registered URIs, and none where they fit', async () => {
    const { registrar, directory } = await start(false);
    const [one, two] = [await freePort(), await freePort()];
    const expectRegistrations = async (scope: string, count: number, login: ManagerOptions['login']): Promise<void> => {
      const events = await logIn(registrar, directory, scope, login);
      expect([scope, registrar.registrations()]).toEqual([scope, count]);
      const replaced = events.includes('registered') && count > 1;
      expect(events.includes('registration_replaced')).toBe(replaced);
    };
    await expectRegistrations('a', 1, { port: one });
    await expectRegistrations('b', 1, { port: one });
    await expectRegistrations('c', 1, {});
    await expectRegistrations('d', 1, { port: [two, one] });
    await expectRegistrations('e', 2, { port: two });
    await expectRegistrations('f', 3, { port: two, redirectHost: 'localhost' });
    await expectRegistrations('g', 3, {});
    await expectRegistrations('h', 4, { redirectHost: '127.0.0.1' });
    expect(portsOf(registrar).slice(0, -1)).toEqual([one, one, one, one, two, two, two].map(String));
    expect(
      registrar
        .redirectUris()
        .slice(-3)
        .map((uri) => new URL(uri).hostname),
    ).toEqual(['localhost', 'localhost', '127.0.0.1']);
  });

  it('change the registration where the server lets the client do that (RFC 7592 section 2.2)', async () => {
    const { registrar, directory } = await start(true);
    await logIn(registrar, directory, 'a');
    const port = await freePort();
    await logIn(registrar, directory, 'b', { port });
    expect([registrar.registrations(), portsOf(registrar).at(-1)]).toEqual([1, String(port)]);
  });

  it('fix the port: a taken one is the error, and causes no registration', async () => {
    const { registrar, directory } = await start(false);
    const port = await freePort();
    await logIn(registrar, directory, 'a', { port });
    await occupyPort(port);
    const failed = logIn(registrar, directory, 'b', { port });
    await expect(failed).rejects.toMatchObject({
      code: 'port_unavailable',
      message: expect.stringContaining(String(port)),
    });
    expect(registrar.registrations()).toBe(1);
  });
});

describe('a registration of an earlier run', () => {
  it('without ports, as earlier versions made it, is used without a new one', async () => {
    const { registrar, directory } = await start(false);
    remember(directory, registrar, loopbackRedirectUris({ issuer: registrar.metadata.issuer }));
    const port = await freePort();
    await logIn(registrar, directory, 'a');
    await logIn(registrar, directory, 'b', { port });
    await logIn(registrar, directory, 'c', { redirectHost: '127.0.0.1' });
    expect(registrar.registrations()).toBe(0);
    expect(portsOf(registrar)[1]).toBe(String(port));
  });

  it.each([
    [['https://tool.example/callback']],
    [['http://127.0.0.1:0/callback']],
    [['http://127.0.0.1:99999/callback', 'http://localhost//evil.example']],
    [['http://127.0.0.1.evil.example/callback', 'not a URI', '']],
  ])('is replaced once where none of its redirect URIs can be used: %j', async (redirect_uris) => {
    const { registrar, directory } = await start(false);
    remember(directory, registrar, redirect_uris);
    for (const scope of ['a', 'b']) await logIn(registrar, directory, scope);
    expect(registrar.registrations()).toBe(1);
  });

  it('is used where the program has chosen the redirect URIs of its registrations itself', async () => {
    const { registrar, directory } = await start(false);
    const registration = { redirect_uris: ['http://localhost/mine', 'http://127.0.0.1/mine'] };
    for (const [scope, redirectHost] of [
      ['a', 'localhost'],
      ['b', '127.0.0.1'],
    ] as const) {
      const login = { openBrowser: registrar.openBrowser, redirectHost };
      await managerAt(directory, { registration, login }).manager.getToken(registrar.metadata, { scope });
    }
    expect(registrar.registrations()).toBe(1);
    expect(registrar.redirectUris().map((uri) => uri.replace(/:\d+/, ''))).toEqual(registration.redirect_uris);
  });
});
