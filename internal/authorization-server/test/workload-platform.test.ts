import { readFileSync, rmSync, statSync } from 'node:fs';
import { temporaryDirectory } from '@oa-internal/testing';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, expect, it } from 'vitest';
import { startWorkloadPlatform } from '../src/index.ts';

const directory = temporaryDirectory();
afterAll(() => rmSync(directory, { recursive: true }));

it('writes a token that its published key verifies, into a private file, and another one each time', async () => {
  await using platform = await startWorkloadPlatform(directory);
  const jwks = createRemoteJWKSet(new URL(`${platform.issuer}/jwks`));
  const rules = { issuer: platform.issuer, audience: 'https://as.example' };
  const identifiers = new Set<unknown>();
  for (let round = 0; round < 3; round += 1) {
    const token = await platform.renew('https://as.example');
    expect(readFileSync(platform.tokenFile, 'utf8')).toBe(token);
    const { payload } = await jwtVerify(token, jwks, rules);
    expect(payload).toMatchObject({ sub: 'system:serviceaccount:jobs:report', exp: (payload.iat ?? 0) + 600 });
    identifiers.add(payload.jti);
  }
  expect(identifiers.size).toBe(3);
  expect(statSync(platform.tokenFile).mode & 0o777).toBe(0o600);
});

it('publishes no private key', async () => {
  await using platform = await startWorkloadPlatform(directory);
  const { keys } = (await (await fetch(`${platform.issuer}/jwks`)).json()) as { keys: object[] };
  expect(keys).toEqual([
    { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String), kid: expect.any(String) },
  ]);
  expect((await fetch(`${platform.issuer}/key`)).status).toBe(404);
});
