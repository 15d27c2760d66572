import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';
import { awaitDeviceLogin, startDeviceLogin } from '@oa/device-code';
import { authorization, client, metadataOf } from '../setup.ts';

const GUESSED = /^No metadata at \S+\/\.well-known\/openid-configuration, so the conventional endpoints are guessed\. /;

it.each<[string, Reply, string]>([
  ['404', { status: 404 }, 'answered with status 404.'],
  ['405', { status: 405 }, 'answered with status 405.'],
  ['a page', { body: '<p>', headers: { 'content-type': 'text/html' } }, 'such as a web page'],
])(
  'says after %s that both endpoints were guessed, and which metadata address was asked',
  async (_, reply, problem) => {
    await using scripted = await startScriptedServer({
      '/device': { json: { ...authorization, interval: 1 } },
      '/token': reply,
    });
    const asked = [`${scripted.origin}/.well-known/openid-configuration`];
    const server: AuthorizationServer = { ...metadataOf(scripted), guessed_after: asked };
    const started = await startDeviceLogin(server, client);
    const polled = await rejectionOf(awaitDeviceLogin(server, client, started, { print: () => undefined }));
    scripted.script({ '/device': reply });
    const refused = await rejectionOf(startDeviceLogin(server, client));
    for (const { message } of [polled, refused]) {
      expect(message).toMatch(GUESSED);
      expect(message).toContain(problem);
    }
  },
);

it('says so where the guess has no device authorization endpoint', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const guessed_after = ['https://as.example/.well-known/openid-configuration'];
  const { code, message } = await rejectionOf(startDeviceLogin({ ...server, guessed_after }, client));
  expect(code).toBe('endpoint_missing');
  expect(message).toMatch(GUESSED);
});
