import type { Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { discover, discoverRequirements, discoverResource } from '@oa/discovery';
import { expect, it } from 'vitest';
import { metadata, RESOURCE, RFC8414, startServer } from '../servers.ts';

/** A line break, an escape sequence, a C1 control, text that runs backwards, and a line separator. */
const HOSTILE = '\r\nerror: all is well\u001B[2J\u009B31m\u202E\u2066\u2028';
const LONG = 'x'.repeat(100_000);

async function startHostile(documents: (origin: string) => Record<string, Reply>): Promise<ScriptedServer> {
  return startServer((origin) => documents(origin));
}

const PLAIN = /^[\x20-\x7e]{1,1000}$/;

it.each([
  ['another issuer', { issuer: `https://evil.example/${HOSTILE}${LONG}` }, 'issuer_mismatch'],
  ['another issuer of usable characters', { issuer: `https://evil.example/${LONG}` }, 'issuer_mismatch'],
  ['an endpoint', { token_endpoint: `http://evil.example/${HOSTILE}${LONG}` }, 'insecure_url'],
  ['an endpoint that is no URL', { registration_endpoint: `javascript:${HOSTILE}` }, 'invalid_response'],
  ['lists of other types', { scopes_supported: [{ [HOSTILE]: HOSTILE }] }, 'invalid_response'],
])('the error about metadata with %s is one short line, without control characters', async (_name, members, code) => {
  await using server = await startHostile((origin) => ({ [RFC8414]: { json: { ...metadata(origin), ...members } } }));
  const error = await rejectionOf(discover(server.origin));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(PLAIN);
});

it.each<[string, Record<string, unknown>, string]>([
  ['another resource', { resource: `https://evil.example/${HOSTILE}${LONG}` }, 'resource_mismatch'],
  [
    'an authorization server',
    { authorization_servers: [`https://evil.example/${HOSTILE}${LONG}`] },
    'invalid_response',
  ],
  ['a scope', { scopes_supported: [HOSTILE, LONG] }, 'invalid_response'],
])('the error about a resource with %s is one short line, without control characters', async (_name, members, code) => {
  await using api = await startHostile((origin) => ({
    [RESOURCE]: { json: { resource: origin, authorization_servers: ['https://as.example'], ...members } },
  }));
  const error = await rejectionOf(discoverRequirements(api.origin));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(PLAIN);
});

it.each([
  `Bearer resource_metadata="http://evil.example/\u009B31m\t${LONG}"`,
  `Bearer resource_metadata="data:text/plain,\u009B31m\t${LONG}"`,
  `Bearer scope="a\u009B31m\t${LONG}"`,
])('the error about a challenge is one short line, without control characters', async (challenge) => {
  await using api = await startHostile(() => ({}));
  expect((await rejectionOf(discoverResource(api.origin, { challenge }))).message).toMatch(PLAIN);
});

it.each([
  'data:application/json,{}',
  'javascript:alert(1)',
  'file:///etc/passwd',
  'blob:https://as.example/x',
  'ftp://as.example',
])('sends nothing to %s, and rejects with a typed error', async (address) => {
  const fetch = async (): Promise<Response> => Promise.reject(new Error('sent'));
  expect((await rejectionOf(discover(address, { fetch }))).code).toBe('insecure_url');
  expect((await rejectionOf(discoverResource(address, { fetch }))).code).toBe('insecure_url');
  expect((await rejectionOf(discoverRequirements(address, { fetch }))).code).toBe('insecure_url');
});

it('goes on with the well-known URLs, if a challenge names a data: URL', async () => {
  await using api = await startHostile((origin) => ({ [RESOURCE]: { json: { resource: origin } } }));
  const challenge = `Bearer resource_metadata="data:application/json,{%22resource%22:%22${api.origin}%22}"`;
  expect(await discoverResource(api.origin, { challenge })).toEqual({ resource: api.origin });
  expect(api.requests).toHaveLength(1);
});
