import type { Reply } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { discover, type CachedMetadata } from '@oa/discovery';
import { metadata, OPENID, OUT_OF_SERVICE, pathsOf, recordEvents, RFC8414, startServer } from './servers.ts';

it.each([
  [RFC8414, ''],
  [OPENID, '/'],
  [`${OPENID}/`, ''],
  [`${RFC8414}/tenant`, '/tenant'],
  [`${RFC8414}/tenant/a`, '/tenant/a/'],
  [`${OPENID}/tenant`, '/tenant'],
  [`/realms/x${OPENID}`, '/realms/x'],
  [`/oauth2/default${RFC8414}`, '/oauth2/default'],
])('reads the document at %s, and takes the issuer "%s" from it', async (path, issuer) => {
  await using server = await startServer((origin) => ({
    [path.replace(/\/$/, '')]: { json: metadata(`${origin}${issuer}`, {}, origin) },
  }));
  const { events, onEvent } = recordEvents();
  const cache = new Map<string, CachedMetadata>();
  const address = `${server.origin}${path}`;
  expect(await discover(address, { onEvent, cache })).toEqual(metadata(`${server.origin}${issuer}`, {}, server.origin));
  await discover(address, { onEvent, cache });
  await discover(address, { onEvent, cache: new Map(cache) });
  expect(pathsOf(server)).toEqual([path.replace(/\/$/, '')]);
  expect(events).toEqual([]);
});

it.each([
  [`/tenant${OPENID}`, ''],
  [`/tenant${OPENID}`, '/other'],
  [OPENID, '/tenant'],
  [`${RFC8414}/tenant`, ''],
])(
  'refuses the document at %s for the issuer "%s", which publishes elsewhere (RFC 8414 section 3.3)',
  async (path, issuer) => {
    await using server = await startServer((origin) => () => ({ json: metadata(`${origin}${issuer}`, {}, origin) }));
    const error = await rejectionOf(discover(`${server.origin}${path}`));
    expect(error.code).toBe('issuer_mismatch');
    expect(error.message).toContain(`"${server.origin}${issuer}"`);
    expect(server.requests).toHaveLength(1);
  },
);

it('refuses a document of an issuer on another origin (RFC 8414 section 3.3)', async () => {
  await using server = await startServer(() => () => ({ json: metadata('https://as.example') }));
  const error = await rejectionOf(discover(`${server.origin}${OPENID}`));
  expect(error.code).toBe('issuer_mismatch');
  expect(error.message).toMatch(/"https:\/\/as\.example".*only if you trust it/);
});

it.each<[string, Reply]>([
  ['404', { status: 404 }],
  ['410', { status: 410 }],
  ['403', { status: 403 }],
])(
  'guesses no endpoint if the document that the caller names answers %s, and names the issuer',
  async (status, reply) => {
    await using server = await startServer(() => () => reply);
    const address = `${server.origin}/tenant${OPENID}`;
    const { events, onEvent } = recordEvents();
    const error = await rejectionOf(discover(address, { onEvent }));
    expect(error.code).toBe('metadata_not_found');
    expect(error.message).toContain(`${address} answered ${status}`);
    expect(error.message).toContain(`"${server.origin}/tenant"`);
    expect(pathsOf(server)).toEqual([`/tenant${OPENID}`]);
    expect(events).toEqual([]);
  },
);

it('uses an expired copy of the document while the server is down', async () => {
  await using server = await startServer((origin) => ({ [OPENID]: { json: metadata(origin) } }));
  const cache = new Map<string, CachedMetadata>();
  const address = `${server.origin}${OPENID}`;
  await discover(address, { cache });
  server.script(() => OUT_OF_SERVICE);
  const now = () => Date.now() + 3_600_000;
  expect(await discover(address, { cache: new Map(cache), now })).toEqual(metadata(server.origin));
});

it.each([`https://as.example${OPENID}?tenant=1`, `https://u:p@as.example${OPENID}`, `https://as.example${OPENID}#a`])(
  'rejects the address %s of a document with a TypeError',
  async (address) => {
    await expect(discover(address)).rejects.toThrow(TypeError);
  },
);
