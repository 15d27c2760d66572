import { inspect } from 'node:util';
import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { managerAt, temporaryDirectory } from '../setup.ts';

const SECRET = 'planted-s3cret-value';
let server: ScriptedServer;
let elsewhere: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
  elsewhere = await startScriptedServer(() => ({ json: { access_token: 'stolen', token_type: 'Bearer' } }));
});
afterEach(async () => {
  await server.close();
  await elsewhere.close();
});

const metadata = (): Reply => ({ json: { issuer: server.origin, token_endpoint: `${server.origin}/token` } });
const endless = function* (): Generator<Uint8Array> {
  for (let sent = 0; sent < 64; sent += 1) yield Buffer.alloc(1024 * 1024, '{"a":"');
};

async function closedPort(): Promise<string> {
  const gone = await startScriptedServer();
  await gone.close();
  return gone.origin;
}

const echo = { error: 'invalid_request', error_description: `you sent ${SECRET}` };

const cases: [
  what: string,
  code: string,
  script: () => Record<string, Reply>,
  issuer?: () => string | Promise<string>,
][] = [
  ['a dead port', 'network_error', () => ({}), closedPort],
  ['a server that never answers', 'timeout', () => ({ '/token': { drop: 'never' } })],
  ['a 500', 'http_error', () => ({ '/token': { status: 500, body: `stack trace ${SECRET}` } })],
  [
    'HTML',
    'unexpected_content_type',
    () => ({ '/token': { headers: { 'content-type': 'text/html' }, body: `<p>${SECRET}` } }),
  ],
  [
    'truncated JSON',
    'invalid_json',
    () => ({ '/token': { headers: { 'content-type': 'application/json' }, body: `{"access_token":"${SECRET}` } }),
  ],
  ['JSON without access_token', 'invalid_response', () => ({ '/token': { json: { token: SECRET } } })],
  [
    'a 64 MiB body',
    'response_too_large',
    () => ({ '/token': { headers: { 'content-type': 'application/json' }, body: endless() } }),
  ],
  [
    'a 307 to another origin',
    'redirect_refused',
    () => ({ '/token': { status: 307, headers: { location: `${elsewhere.origin}/token` } } }),
  ],
  ['http:// to a host that is not loopback', 'insecure_url', () => ({}), () => 'http://login.example.com'],
  [
    'metadata of another issuer',
    'issuer_mismatch',
    () => ({
      '/.well-known/oauth-authorization-server': {
        json: { issuer: 'https://evil.example', token_endpoint: `${elsewhere.origin}/token` },
      },
    }),
  ],
  ['a refusal that echoes the request', 'oauth_error', () => ({ '/token': { status: 400, json: echo } })],
];

it.each(cases)('returns %s as %s, as a value, without a secret', async (what, code, script, issuer) => {
  server.script({ '/.well-known/oauth-authorization-server': metadata(), ...script() });
  const { manager, events } = managerAt(temporaryDirectory(), what.includes('never') ? { timeout: 300 } : {});
  const result = await manager.get((await issuer?.()) ?? server.origin, { client_id: 'c', client_secret: SECRET });
  expect(result).toMatchObject({ ok: false, error: { code } });
  if (result.ok) return;
  const shown = [
    inspect(result, { depth: 10, showHidden: true }),
    JSON.stringify(result),
    result.error.message,
    result.error.stack,
    JSON.stringify(events),
  ].join('\n');
  expect(shown).not.toContain(SECRET);
  expect(shown).not.toContain(Buffer.from(`c:${SECRET}`).toString('base64'));
  expect(elsewhere.requests).toEqual([]);
});

it('has a code of its own for every failure', () => {
  const codes = cases.map(([, code]) => code);
  expect(new Set(codes).size).toBe(codes.length);
});
