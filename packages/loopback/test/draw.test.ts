import crypto from 'node:crypto';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished, vi } from 'vitest';
import { drawRedirectUris, loopbackRedirectUris } from '@oa/loopback';
import { canConnect, finishLogin, grantTokens, metadata, startLogin } from './help.ts';
import { LOOPBACK } from './ports.ts';

it('draws one free port for all redirect URIs, outside of the ports of outgoing connections, and a login listens on it', async () => {
  await using scripted = await startScriptedServer();
  grantTokens(scripted);
  const issuer = scripted.origin;
  const redirect_uris = await drawRedirectUris({ issuer });
  const { port } = new URL(redirect_uris[0] ?? '');
  expect(redirect_uris).toEqual(loopbackRedirectUris({ issuer, port: Number(port) }));
  expect(Number(port)).toBeGreaterThan(10_080);
  expect(Number(port)).toBeLessThan(32_768);
  expect(await Promise.all(LOOPBACK.map((host) => canConnect(host, Number(port))))).not.toContain(true);
  const login = startLogin(metadata(scripted), {}, { client: { client_id: 'x', redirect_uris } });
  await finishLogin(login);
  expect((await login.waiting).redirect_uri).toBe(redirect_uris[0]);
});

it('draws a port only in place of a random one', async () => {
  expect(await drawRedirectUris({ port: [8400, 8401], redirectHost: 'localhost' })).toEqual([
    'http://localhost:8400/callback',
    'http://localhost:8401/callback',
  ]);
  const [fixed, drawn] = await drawRedirectUris({ port: [8400, 0], redirectHost: '127.0.0.1' });
  expect(fixed).toBe('http://127.0.0.1:8400/callback');
  expect(drawn).toMatch(/^http:\/\/127\.0\.0\.1:[123]\d{4}\/callback$/);
  const ports = await Promise.all(Array.from({ length: 5 }, async () => (await drawRedirectUris())[0]));
  expect(new Set(ports).size).toBeGreaterThan(1);
});

it('leaves the choice to the system where other programs have all ports that it draws', async () => {
  await using busy = await startScriptedServer();
  const taken = Number(new URL(busy.origin).port);
  const draw = vi.spyOn(crypto, 'randomInt').mockImplementation(() => taken);
  onTestFinished(() => draw.mockRestore());
  const [uri = ''] = await drawRedirectUris({ redirectHost: '127.0.0.1' });
  expect(Number(new URL(uri).port)).toBeGreaterThan(0);
  expect(new URL(uri).port).not.toBe(String(taken));
});
