// What a resource requires, where its metadata is not usable any more.
import type { Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { discoverRequirements, type ResourceRequirements } from '@oa/discovery';
import { attempt } from '@oa/types';
import { expect, it } from 'vitest';
import { RESOURCE, startServer } from '../servers.ts';

const ISSUER = 'https://as.example';
const STALE = { value: { authorization_servers: [ISSUER] } };

it.each<[string, Record<string, unknown>, object]>([
  ['uses the last requirements where the metadata names no authorization server', { authorization_servers: [] }, STALE],
  ['uses the last requirements where the metadata names a wrong issuer', { authorization_servers: ['x'] }, STALE],
  [
    'rejects metadata for a resource of another origin',
    { resource: 'https://other.example/api' },
    { error: { code: 'resource_mismatch' } },
  ],
])('%s', async (_name, more, end) => {
  let change: Record<string, unknown> = {};
  await using api = await startServer((origin) => ({
    [`${RESOURCE}/api`]: () => ({ json: { resource: `${origin}/api`, authorization_servers: [ISSUER], ...change } }),
  }));
  const cache = new Map<string, ResourceRequirements>();
  const ask = () => discoverRequirements(`${api.origin}/api`, { cache, challenge: 'Bearer', fresh: true });
  await ask();
  change = more;
  expect(await attempt(ask())).toMatchObject(end);
});

it('rejects an error object in place of the metadata where nothing is stored', async () => {
  await using api = await startServer(() => ({ [`${RESOURCE}/api`]: { json: { error: 'maintenance' } } }));
  const asked = discoverRequirements(`${api.origin}/api`, { cache: new Map(), challenge: 'Bearer' });
  expect(await rejectionOf(asked)).toMatchObject({ code: 'oauth_error', error: 'maintenance' });
});

it('rejects after an abort of the caller, and not with the last requirements', async () => {
  let reply: Reply = {};
  await using api = await startServer(() => ({ [`${RESOURCE}/api`]: () => reply }));
  const url = `${api.origin}/api`;
  reply = { json: { resource: url, authorization_servers: [ISSUER] } };
  const cache = new Map<string, ResourceRequirements>();
  await discoverRequirements(url, { cache, challenge: 'Bearer' });
  reply = { drop: 'never' };
  const controller = new AbortController();
  const asked = discoverRequirements(url, { cache, challenge: 'Bearer', fresh: true, signal: controller.signal });
  controller.abort(new Error('stopped'));
  await expect(asked).rejects.toThrow('stopped');
});
