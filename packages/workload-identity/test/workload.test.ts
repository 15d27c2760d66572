import { writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf, temporaryDirectory } from '@oa-internal/testing';
import type { OAuthEvent } from '@oa/types';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { workload } from '../src/index.ts';
import { findPlatform } from '../src/find-platform.ts';
import { makeJwt, secondsFromNow, stubPlatform } from './platform.ts';

const REQUEST = { audience: 'my-audience' };
let server: ScriptedServer;
let directory: string;
let events: OAuthEvent[];
const onEvent = (event: OAuthEvent): void => void events.push(event);

beforeEach(async () => {
  server = await startScriptedServer();
  directory = temporaryDirectory();
  events = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
  await server.close();
});

/** The variables of each platform, with the answer of its service. */
function platforms(token: string): Record<string, { variables: Record<string, string>; reply?: object }> {
  writeFileSync(join(directory, 'token'), token);
  return {
    github_actions: {
      variables: {
        ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}/?x`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
      },
      reply: { json: { value: token } },
    },
    azure_pipelines: {
      variables: { SYSTEM_OIDCREQUESTURI: server.origin, SYSTEM_ACCESSTOKEN: 'access-token' },
      reply: { json: { oidcToken: token } },
    },
    token_file: { variables: { AZURE_FEDERATED_TOKEN_FILE: join(directory, 'token') } },
    azure_managed_identity: {
      variables: { IDENTITY_ENDPOINT: server.origin, IDENTITY_HEADER: 'header' },
      reply: { json: { access_token: token } },
    },
    gcp_metadata: {
      variables: { GCE_METADATA_HOST: server.origin },
      reply: { headers: { 'metadata-flavor': 'Google' }, body: token },
    },
  };
}

it.each(['github_actions', 'azure_pipelines', 'token_file', 'azure_managed_identity', 'gcp_metadata'])(
  'asks %s, and names it in an event',
  async (platform) => {
    const token = await makeJwt();
    const { variables = {}, reply } = platforms(token)[platform] ?? {};
    stubPlatform(variables);
    server.script(() => reply);
    expect(await workload({ onEvent })(REQUEST)).toBe(token);
    expect(events).toEqual([{ type: 'workload_found', platform, evidence: Object.keys(variables)[0] }]);
    const values = Object.entries(variables).flatMap(([name, value]) => (name.endsWith('FILE') ? [] : [value]));
    for (const secret of [token, ...values]) expect(inspectAll(events)).not.toContain(secret);
  },
);

it('passes the audience on, that of the option first', async () => {
  const { variables = {}, reply } = platforms(await makeJwt())['github_actions'] ?? {};
  stubPlatform(variables);
  server.script(() => reply);
  await workload()(REQUEST);
  await workload({ audience: 'another' })(REQUEST);
  expect(server.requests.map(({ url }) => url)).toEqual(['/?x&audience=my-audience', '/?x&audience=another']);
});

it('tries no other platform after an error', async () => {
  const expired = await makeJwt({ exp: secondsFromNow(-1) });
  const all = platforms(expired);
  stubPlatform(Object.assign({}, ...Object.values(all).map(({ variables }) => variables)) as Record<string, string>);
  server.script(() => ({ status: 403 }));
  const error = await rejectionOf(workload({ onEvent })(REQUEST));
  expect(error.message).toMatch(/^GitHub Actions gave no token/);
  expect(server.requests).toHaveLength(1);
  stubPlatform({ ...all['token_file']?.variables, ...all['gcp_metadata']?.variables });
  expect((await rejectionOf(workload({ onEvent })(REQUEST))).message).toMatch(/^The token in the file .* has expired/);
  expect(server.requests).toHaveLength(1);
  expect(events.map((event) => 'platform' in event && event.platform)).toEqual(['github_actions', 'token_file']);
});

it('names the permission that a job of GitHub Actions lacks, although a cloud is there', async () => {
  stubPlatform({ GITHUB_ACTIONS: 'true', GCE_METADATA_HOST: server.origin });
  expect((await rejectionOf(workload()(REQUEST))).message).toContain('`permissions: id-token: write`');
  expect(server.requests).toEqual([]);
});

it('looks at the environment at each call', async () => {
  const source = workload({ onEvent });
  const token = await makeJwt();
  const all = platforms(token);
  stubPlatform(all['token_file']?.variables);
  expect(await source(REQUEST)).toBe(token);
  stubPlatform(all['gcp_metadata']?.variables);
  server.script(() => all['gcp_metadata']?.reply);
  expect(await source(REQUEST)).toBe(token);
});

it('says that no platform was found, and what to do', async () => {
  stubPlatform();
  // The machine of the test may be one of a cloud.
  if (findPlatform() !== undefined) return;
  const error = await rejectionOf(workload({ onEvent })(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(/^No platform was found .* mount a projected service account token .* use fileToken/);
  expect(events).toEqual([]);
});

it('rejects with the reason of a signal, and is a TypeError for wrong options at once', async () => {
  const reason = new Error('stop');
  await expect(workload()({ ...REQUEST, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(() => workload({ audience: '' })).toThrow(/^options\.audience must be/);
  expect(() => workload({ timeout: 0 })).toThrow(/^options\.timeout must be/);
});
