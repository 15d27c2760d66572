// One login for several resources at a real server, which gives tokens only for the resources that the login named (RFC 8707 section 2.2).
import type { Credentials } from '@oa/manager';
import { expect, it } from 'vitest';
import { login, server } from '../real-server.ts';
import { managerAt, temporaryDirectory } from '../setup.ts';

const mail = 'http://127.0.0.1:1/mail';
const files = 'http://127.0.0.1:1/files';

function credentialsFor(resource: string, more: Credentials = {}): Credentials {
  return { client_id: server.public.client_id, scope: 'read offline_access', resource, ...more };
}

it('serves two resources with one login and one refresh token', async () => {
  const directory = temporaryDirectory();
  const furtherResources = [mail, files];
  const first = await managerAt(directory, { login }).manager.getToken(
    server.issuer,
    credentialsFor(mail, { furtherResources }),
  );
  const { manager } = managerAt(directory, { interaction: 'never' });
  const second = await manager.getToken(server.issuer, credentialsFor(files));
  expect((await server.introspect(first.access_token))?.aud).toBe(mail);
  expect((await server.introspect(second.access_token))?.aud).toBe(files);
  expect([server.count('/authorize'), server.count('/token')]).toEqual([1, 2]);
  const rejected = { rejected: first.access_token };
  const third = await manager.getToken(server.issuer, credentialsFor(mail), rejected);
  expect((await server.introspect(third.access_token))?.aud).toBe(mail);
  expect(server.count('/token', 'refresh_token')).toBe(2);
});

it('logs in for a resource that the first login did not name, and keeps the first session', async () => {
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { login });
  const first = await manager.getToken(server.issuer, credentialsFor(mail));
  await manager.getToken(server.issuer, credentialsFor(files));
  expect(server.count('/token', 'authorization_code')).toBe(2);
  const renewed = await manager.getToken(server.issuer, credentialsFor(mail), { rejected: first.access_token });
  expect((await server.introspect(renewed.access_token))?.aud).toBe(mail);
  expect(server.count('/token', 'authorization_code')).toBe(2);
});
