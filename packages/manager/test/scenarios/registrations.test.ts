import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { registeredClient, startAgent, startRegistrar } from '../registrar.ts';
import { aged, changeStored, managerAt, startJob, temporaryDirectory } from '../setup.ts';

it('renews a secret that is about to expire once, and registers nothing, for 5 processes with 5 sessions (RFC 7592)', async () => {
  const registrar = await startRegistrar();
  registrar.secretLifetime = 30;
  const directory = temporaryDirectory();
  const scopes = ['one', 'two', 'three', 'four', 'five'];
  const past = (): number => Date.now() - 120_000;
  const { manager } = managerAt(directory, { now: past, login: { openBrowser: registrar.openBrowser } });
  for (const scope of scopes) await manager.getToken(registrar.metadata, { scope });
  await changeStored(directory, (token) => aged(token, -1));
  const before = registrar.managements().length;
  registrar.secretLifetime = 3600;
  const jobs = scopes.map((scope) => startJob({ directory, target: registrar.metadata, credentials: { scope } }));
  const results = (await Promise.all(jobs.map(async (job) => job.results))).flat();
  expect(results.map(({ ok }) => ok)).toEqual(scopes.map(() => true));
  expect(registrar.managements().slice(before)).toEqual(['GET', 'PUT']);
  expect([registrar.registrations(), registrar.refreshedBy.length]).toEqual([1, 5]);
  expect(registeredClient(directory, registrar)).toMatchObject({ client_secret: registrar.clients.get('client-1') });
});

it('registers once for 5 processes with 5 logins after the server has forgotten the client', async () => {
  const registrar = await startRegistrar();
  const directory = temporaryDirectory();
  const { openBrowser } = registrar;
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(registrar.metadata, {});
  registrar.clients.clear();
  const agent = await startAgent(registrar);
  const scopes = ['one', 'two', 'three', 'four', 'five'];
  const jobs = scopes.map((scope) =>
    startJob({ directory, target: registrar.metadata, credentials: { scope }, agent }),
  );
  const results = (await Promise.all(jobs.map(async (job) => job.results))).flat();
  expect(results.map(({ ok }) => ok)).toEqual(scopes.map(() => true));
  expect([registrar.registrations(), registrar.openings()]).toEqual([2, 6]);
});

it('stores a renewed secret although SIGTERM arrives while the server renews it', async () => {
  const registrar = await startRegistrar();
  registrar.secretLifetime = 30;
  const directory = temporaryDirectory();
  const past = (): number => Date.now() - 120_000;
  const { openBrowser } = registrar;
  await managerAt(directory, { now: past, login: { openBrowser } }).manager.getToken(registrar.metadata, {});
  await changeStored(directory, (token) => aged(token, -1));
  registrar.secretLifetime = 3600;
  const job = startJob({ directory, target: registrar.metadata, credentials: {} });
  registrar.manage = async ({ method }) => {
    if (method === 'PUT') job.kill('SIGTERM');
    await sleep(300);
    return undefined;
  };
  expect((await job.ended).signal).toBe('SIGTERM');
  expect(registrar.managements().slice(-2)).toEqual(['GET', 'PUT']);
  const renewed = registrar.clients.get('client-1');
  expect(registeredClient(directory, registrar)).toMatchObject({ client_secret: renewed });
  await managerAt(directory, { interaction: 'never' }).manager.getToken(registrar.metadata, {});
  expect(registrar.registrations()).toBe(1);
});
