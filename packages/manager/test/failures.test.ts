import { inspect } from 'node:util';
import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { managerAt, temporaryDirectory } from './workplace.ts';

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

test.each(cases)(
  'G2, C5, C9, E2, E3: %s ends in %s, as a value, without a secret',
  async (what, code, script, issuer) => {
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
  },
);

test('every failure has a code of its own', () => {
  const codes = cases.map(([, code]) => code);
  expect(new Set(codes).size).toBe(codes.length);
});

test.each([
  ['an unknown member', { client: 'x' }, /unknown member of credentials: client/],
  [
    'a secret without an id',
    { client_secret: 'x' },
    /a client_secret, and the client_credentials grant, needs a client_id/,
  ],
  ['an empty scope', { scope: '' }, /credentials.scope must be a non-empty string/],
  ['a grant of the past', { grant_type: 'password' }, /grant_type must be one of/],
  ['client credentials without a client', { grant_type: 'client_credentials' }, /needs a client_id/],
  ['nothing', null, /credentials must be an object/],
])('A11: %s is a TypeError that says so, not a value', async (_, credentials, message) => {
  const { manager } = managerAt(temporaryDirectory());
  await expect(manager.get('https://as.example', credentials as never)).rejects.toThrow(message);
  await expect(manager.get('https://as.example', credentials as never)).rejects.toBeInstanceOf(TypeError);
});

test('an unknown option, or an issuer that is none, is a TypeError', async () => {
  const { manager } = managerAt(temporaryDirectory());
  await expect(manager.get('', { client_id: 'c' })).rejects.toBeInstanceOf(TypeError);
  await expect(manager.get(undefined as never, { client_id: 'c' })).rejects.toBeInstanceOf(TypeError);
  expect(() => managerAt('.', { leway: 3 } as never)).toThrow(/unknown option of createManager: leway/);
  expect(() => managerAt('.', { leeway: Number.NaN })).toThrow(/leeway/);
  expect(() => managerAt('.', { timeout: -1 })).toThrow(/timeout/);
  expect(() => managerAt('.', { interaction: 'maybe' as never })).toThrow(/interaction/);
});
