import { chmodSync, readFileSync } from 'node:fs';
import { fileClientStore } from '@oa/client-store';
import { expect, it } from 'vitest';
import { registeredFile, startRegistrar, type Registrar } from './registrar.ts';
import { aged, changeStored, managerAt, temporaryDirectory } from './setup.ts';

async function loggedIn(): Promise<{ registrar: Registrar; directory: string }> {
  const registrar = await startRegistrar();
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
  await manager.getToken(registrar.metadata, { scope: 'one' });
  return { registrar, directory };
}

it('forgets the registered client, so that the next login registers a new one, and sends nothing', async () => {
  const { registrar, directory } = await loggedIn();
  const requests = registrar.server.requests.length;
  const { manager } = managerAt(directory, { login: { openBrowser: registrar.openBrowser } });
  expect(await manager.forgetClient(registrar.metadata.issuer)).toEqual({ ok: true, value: undefined });
  expect(registrar.server.requests).toHaveLength(requests);
  expect(readFileSync(registeredFile(directory), 'utf8')).not.toContain('client-1');
  await manager.getToken(registrar.metadata, { scope: 'two' });
  expect(registrar.registrations()).toBe(2);
  expect(await manager.forgetClient(registrar.metadata)).toEqual({ ok: true, value: undefined });
  expect(await manager.forgetClient('https://never.example')).toEqual({ ok: true, value: undefined });
});

it('leaves the session of a public client, which still refreshes', async () => {
  const { registrar, directory } = await loggedIn();
  const { manager } = managerAt(directory, { interaction: 'never' });
  await manager.forgetClient(registrar.metadata);
  await changeStored(directory, (token) => aged(token, -1));
  await manager.getToken(registrar.metadata, { scope: 'one' });
  expect([registrar.registrations(), registrar.refreshedBy]).toEqual([1, ['client-1']]);
});

it('forgets the client of an issuer with a path, and not the client of its host', async () => {
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory);
  const clients = fileClientStore({ path: registeredFile(directory) });
  await clients.store('https://as.example', { client_id: 'host' });
  await clients.store('https://as.example/tenant', { client_id: 'tenant' });
  await clients.store('https://as.example/tenant/', { client_id: 'slash' });
  expect(await manager.forgetClient('https://as.example/tenant')).toEqual({ ok: true, value: undefined });
  expect((await clients.list()).map(({ client_id }) => client_id)).toEqual(['host', 'slash']);
});

it('forgets a client that is kept in memory only', async () => {
  const registrar = await startRegistrar();
  const directory = temporaryDirectory();
  const { openBrowser } = registrar;
  const { manager } = managerAt(directory, { cache: new Map(), login: { openBrowser } });
  process.env['XDG_CONFIG_HOME'] = '/proc/no';
  await manager.getToken(registrar.metadata, { scope: 'one' });
  await manager.getToken(registrar.metadata, { scope: 'two' });
  expect(registrar.registrations()).toBe(1);
  expect(await manager.forgetClient(registrar.metadata)).toMatchObject({ ok: false });
  await manager.getToken(registrar.metadata, { scope: 'three' });
  expect(registrar.registrations()).toBe(2);
});

it('returns why the file can not be changed, and the command that helps', async () => {
  const { registrar, directory } = await loggedIn();
  chmodSync(registeredFile(directory), 0o644);
  const message = expect.stringMatching(/mode 0644.*chmod 600 /);
  expect(await managerAt(directory).manager.forgetClient(registrar.metadata)).toMatchObject({
    ok: false,
    error: { code: 'insecure_file_permissions', message },
  });
});

it('rejects a wrong target', async () => {
  const { manager } = managerAt(temporaryDirectory());
  await expect(manager.forgetClient(5 as never)).rejects.toThrow(TypeError);
});
