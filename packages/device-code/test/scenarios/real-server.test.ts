import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { rejectionOf } from '@oa-internal/testing';
import { awaitDeviceLogin, startDeviceLogin } from '@oa/device-code';
import { expect, it, vi } from 'vitest';

it('returns a token after the user approved on another device', async () => {
  await using real = await startAuthorizationServer();
  const { issuer } = real;
  const known = {
    issuer,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device_authorization`,
  };
  const started = await startDeviceLogin(known, real.public, { scope: 'openid read' });
  const token = awaitDeviceLogin(known, real.public, { ...started, interval: 0.05 }, { print: () => undefined });
  await vi.waitFor(() => expect(real.count('/token')).toBeGreaterThan(1), { timeout: 20_000 });
  await real.approveDevice(started.verification_uri_complete ?? '');
  expect(await real.introspect((await token).access_token)).toMatchObject({ sub: 'ada' });
});

it('rejects with access_denied after the user denied', async () => {
  await using real = await startAuthorizationServer();
  const { issuer } = real;
  const known = {
    issuer,
    token_endpoint: `${issuer}/token`,
    device_authorization_endpoint: `${issuer}/device_authorization`,
  };
  const started = await startDeviceLogin(known, real.public);
  await real.approveDevice(started.verification_uri_complete ?? '', { deny: true });
  const ended = awaitDeviceLogin(known, real.public, { ...started, interval: 0.05 }, { print: () => undefined });
  expect(await rejectionOf(ended)).toMatchObject({ code: 'oauth_error', error: 'access_denied' });
});
