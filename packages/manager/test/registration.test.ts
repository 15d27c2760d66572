import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { RecordedRequest, Reply } from '@oa-internal/scripted-server';
import { expect, it, vi } from 'vitest';
import type { ManagerOptions } from '@oa/manager';
import { registeredClient, registeredFile, startRegistrar, type Registrar } from './registrar.ts';
import {
  aged,
  agreeingBrowser,
  bearer,
  changeStored,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
  typesOf,
} from './setup.ts';

/** The error of the next `openSync` of `registered.json`. */
const fault = vi.hoisted(() => {
  const next: { code: string | undefined } = { code: undefined };
  const fs = process.getBuiltinModule('node:fs');
  const { openSync } = fs;
  // Before `@oa/private-file` is loaded, which keeps the functions.
  fs.openSync = (path, ...rest) => {
    const { code } = next;
    if (code === undefined || !String(path).endsWith('registered.json')) return openSync(path, ...rest);
    next.code = undefined;
    throw Object.assign(new Error(`${code}: injected`), { code, errno: -5, syscall: 'open' });
  };
  return next;
});

/** Users who have logged in with a registered client, one for each scope. */
async function loggedIn(
  prepare: (registrar: Registrar) => void,
  ...scopes: string[]
): Promise<{ registrar: Registrar; directory: string }> {
  const registrar = await startRegistrar();
  prepare(registrar);
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
  for (const scope of scopes) await manager.getToken(registrar.metadata, { scope });
  return { registrar, directory };
}

const unmanaged = (registrar: Registrar): void => {
  registrar.managed = false;
};
const withSecret = (registrar: Registrar): void => {
  registrar.managed = false;
  registrar.secretLifetime = 3600;
};

it('registers anew in the next run after a login timeout with a remembered registration', async () => {
  const { registrar, directory } = await loggedIn(unmanaged, 'one');
  registrar.clients.clear();
  const waiting = { openBrowser: registrar.openBrowser, timeout: 300 };
  const timedOut = await managerAt(directory, { login: waiting }).manager.get(registrar.metadata, { scope: 'two' });
  const message = expect.stringMatching(/the registration.*may have forgotten it\. The next login registers a new/);
  expect(timedOut).toMatchObject({ ok: false, error: { code: 'login_timeout', message } });
  expect(registrar.registrations()).toBe(1);

  const { manager, events } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
  await manager.getToken(registrar.metadata, { scope: 'two' });
  expect(events).toContainEqual({
    type: 'registration_replaced',
    issuer: registrar.metadata.issuer,
    reason: 'login_timeout',
  });
  await managerAt(directory, { login: waiting }).manager.getToken(registrar.metadata, { scope: 'two' });
  expect([registrar.registrations(), registrar.openings()]).toEqual([2, 3]);
});

it('registers anew in the same process too', async () => {
  const { registrar, directory } = await loggedIn(unmanaged, 'one');
  registrar.clients.clear();
  const { openBrowser } = registrar;
  const { manager } = managerAt(directory, { login: { openBrowser, timeout: 2000 } });
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({ ok: false });
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({ ok: true });
  expect(registrar.registrations()).toBe(2);
}, 60_000);

it.each<[string, string[]]>([
  ['that was just made', []],
  ['that the server still knows', ['one']],
])('does not blame a registration %s for a login timeout', async (_, scopes) => {
  const { registrar, directory } = await loggedIn(() => {}, ...scopes);
  const away = { openBrowser: () => undefined, timeout: 300 };
  const timedOut = await managerAt(directory, { login: away }).manager.get(registrar.metadata, { scope: 'two' });
  const message = expect.not.stringContaining('may have forgotten it');
  expect(timedOut).toMatchObject({ ok: false, error: { code: 'login_timeout', message } });
  expect(registeredClient(directory, registrar)).not.toHaveProperty('doubtful');
});

it('does not blame a registration for a device login whose code expired: the server gave it a code', async () => {
  const { server, metadata } = await startScripted({
    '/register': { status: 201, json: { client_id: 'registered' } },
    '/device': {
      json: { device_code: 'd', user_code: 'u', verification_uri: 'https://as.example/d', expires_in: 1, interval: 1 },
    },
    '/token': { status: 400, json: { error: 'authorization_pending' } },
  });
  const target = { ...metadata, device_authorization_endpoint: `${server.origin}/device` };
  const directory = temporaryDirectory();
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  const codes = [];
  // The second run has a remembered registration.
  for (let run = 1; run <= 3; run += 1) {
    const { manager } = managerAt(directory, { interaction: 'always' });
    const result = await manager.get(target, { grant_type });
    codes.push(result.ok || result.error.message.includes('may have forgotten it'));
  }
  expect(codes).toEqual([false, false, false]);
  expect(server.requestsTo('/register')).toHaveLength(1);
});

it('logs in with the registration in doubt where no new client can be registered', async () => {
  const { registrar, directory } = await loggedIn(unmanaged, 'one');
  const away = { openBrowser: () => undefined, timeout: 300 };
  await managerAt(directory, { login: away }).manager.get(registrar.metadata, { scope: 'two' });
  registrar.register = () => ({ status: 403, json: { error: 'access_denied' } });
  const { manager, events } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
  await manager.getToken(registrar.metadata, { scope: 'two' });
  expect(typesOf(events)).not.toContain('registration_replaced');
  expect(storedTokens(directory).map(({ issued_to }) => issued_to?.client_id)).toEqual(['client-1', 'client-1']);
});

it.each([
  ['without a secret', unmanaged],
  ['with a secret', withSecret],
])('refreshes a session of a replaced client %s with that client (RFC 6749 section 6)', async (_, prepare) => {
  const { registrar, directory } = await loggedIn(prepare, 'one');
  const away = { openBrowser: () => undefined, timeout: 300 };
  await managerAt(directory, { login: away }).manager.get(registrar.metadata, { scope: 'two' });
  const { openBrowser } = registrar;
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(registrar.metadata, { scope: 'two' });
  await changeStored(directory, (token) => aged(token, -1));
  for (const scope of ['one', 'two'])
    await managerAt(directory, { interaction: 'never' }).manager.getToken(registrar.metadata, { scope });
  expect(registrar.refreshedBy).toEqual(['client-1', 'client-2']);
  expect(registrar.registrations()).toBe(2);
});

it('keeps the session of a client that was replaced for another redirect host', async () => {
  const { registrar, directory } = await loggedIn(withSecret, 'one');
  const { openBrowser } = registrar;
  const other = managerAt(directory, { login: { openBrowser, redirectHost: 'localhost' } }).manager;
  await other.getToken(registrar.metadata, { scope: 'two' });
  await changeStored(directory, (token) => aged(token, -1));
  await managerAt(directory, { interaction: 'never' }).manager.getToken(registrar.metadata, { scope: 'one' });
  expect([registrar.registrations(), registrar.refreshedBy]).toEqual([2, ['client-1']]);
});

it('refreshes a token of an earlier version with the client that was replaced since', async () => {
  const { registrar, directory } = await loggedIn(unmanaged, 'one');
  await changeStored(directory, ({ issued_to: _client, ...token }) => aged(token, -1));
  const away = { openBrowser: () => undefined, timeout: 300 };
  await managerAt(directory, { login: away }).manager.get(registrar.metadata, { scope: 'two' });
  const { openBrowser } = registrar;
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(registrar.metadata, { scope: 'two' });
  await managerAt(directory, { interaction: 'never' }).manager.getToken(registrar.metadata, { scope: 'one' });
  expect(registrar.refreshedBy).toEqual(['client-1']);
});

it('registers once where the expiry of the secret is already past in the registration response', async () => {
  const { registrar, directory } = await loggedIn(
    (one) => {
      one.managed = false;
      one.secretLifetime = -3600;
    },
    'one',
    'two',
  );
  const { openBrowser } = registrar;
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(registrar.metadata, { scope: 'three' });
  expect(registrar.registrations()).toBe(1);
});

it.each(['EIO', 'EMFILE', 'ENOMEM'])(
  'registers no client and opens no browser where registered.json can not be read for a moment (%s)',
  async (code) => {
    const { registrar, directory } = await loggedIn(unmanaged, 'one');
    const before = readFileSync(registeredFile(directory), 'utf8');
    const { manager } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
    fault.code = code;
    const failed = await manager.get(registrar.metadata, { scope: 'two' });
    expect(failed).toMatchObject({ ok: false, error: { code: 'storage_unavailable', retryable: true } });
    expect([registrar.registrations(), registrar.openings()]).toEqual([1, 1]);
    expect(readFileSync(registeredFile(directory), 'utf8')).toBe(before);
    expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({ ok: true });
    expect(registrar.registrations()).toBe(1);
  },
);

it('keeps the session where registered.json, with the secret of the client, can not be read for a moment', async () => {
  const { registrar, directory } = await loggedIn(withSecret, 'one');
  await changeStored(directory, (token) => aged(token, -1));
  const { manager } = managerAt(directory, { interaction: 'never' });
  fault.code = 'EIO';
  const failed = await manager.get(registrar.metadata, { scope: 'one' });
  expect(failed).toMatchObject({ ok: false, error: { code: 'storage_unavailable', retryable: true } });
  expect(await manager.get(registrar.metadata, { scope: 'one' })).toMatchObject({ ok: true });
  expect(registrar.refreshedBy).toEqual(['client-1']);
});

it('names the permissions and the chmod where a refused registered.json hides the only client', async () => {
  const { registrar, directory } = await loggedIn(unmanaged, 'one');
  chmodSync(registeredFile(directory), 0o640);
  registrar.register = () => ({ status: 403, json: { error: 'access_denied' } });
  const { manager } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
  const message = expect.stringMatching(
    /mode 0640.*chmod 600 .*registered\.json.*a new one is needed, and that failed/,
  );
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({
    ok: false,
    error: { code: 'insecure_file_permissions', message },
  });
  expect(registrar.openings()).toBe(1);
  chmodSync(registeredFile(directory), 0o600);
  expect(await manager.get(registrar.metadata, { scope: 'two' })).toMatchObject({ ok: true });
});

it('registers once, and stores it, where the entry in registered.json is damaged', async () => {
  const { registrar, directory } = await loggedIn(unmanaged, 'one');
  const file = registeredFile(directory);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
  for (const scope of ['two', 'three']) {
    const { manager } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
    await manager.getToken(registrar.metadata, { scope });
  }
  expect(registrar.registrations()).toBe(2);
  expect(registeredClient(directory, registrar)).toMatchObject({ client_id: 'client-2' });
});

it('logs in with the intact entry of a registered.json that is damaged elsewhere', async () => {
  const { registrar, directory } = await loggedIn(withSecret, 'one');
  const file = registeredFile(directory);
  writeFileSync(file, `${readFileSync(file, 'utf8').slice(0, -2)},\n  "https://cut.example": {"client_id":"c`);
  const { openBrowser } = registrar;
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(registrar.metadata, { scope: 'two' });
  await changeStored(directory, (token) => aged(token, -1));
  await managerAt(directory, { interaction: 'never' }).manager.getToken(registrar.metadata, { scope: 'one' });
  expect([registrar.registrations(), registrar.refreshedBy]).toEqual([1, ['client-1']]);
});

it.each<[string, Reply]>([
  ['unauthorized_client', { status: 401, json: { error: 'unauthorized_client' } }],
  ['a text', { status: 400, json: { error: 'invalid_request', error_description: 'Invalid client_id' } }],
  ['invalid_client', { status: 401, json: { error: 'invalid_client' } }],
  // What the job is told must not keep the user from the login.
  [
    'invalid_client and a Retry-After',
    { status: 401, headers: { 'retry-after': '900' }, json: { error: 'invalid_client' } },
  ],
])('registers anew for the login where the server refuses the client of a refresh with %s', async (_, refusal) => {
  const { server, metadata } = await startScripted({
    '/register': (_request: unknown, index: number) => ({ status: 201, json: { client_id: `client-${index}` } }),
    '/token': ({ form }: RecordedRequest) =>
      form.has('refresh_token') ? refusal : bearer('a', { refresh_token: 'r' }),
  });
  const target = { ...metadata, registration_endpoint: `${server.origin}/register` };
  const directory = temporaryDirectory();
  const { openBrowser, urls } = agreeingBrowser();
  const options: ManagerOptions = { interaction: 'always', login: { openBrowser } };
  await managerAt(directory, options).manager.getToken(target, {});
  await changeStored(directory, (token) => aged(token, 0));
  const job = managerAt(directory, { interaction: 'never' }).manager;
  expect(await job.get(target, {})).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(storedTokens(directory)[0]?.refresh_token).toBe('r');
  await managerAt(directory, options).manager.getToken(target, {});
  expect(server.requestsTo('/register')).toHaveLength(2);
  expect(urls).toHaveLength(2);
});
