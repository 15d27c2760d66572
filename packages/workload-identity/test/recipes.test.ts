// Runs every recipe of the README as it stands, in a process of its own, against a scripted server. Only the address of the token endpoint and
// the directory of mounted tokens are replaced.
import { stripTypeScriptTypes } from 'node:module';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScriptedServer, type RecordedRequest, type ScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { exportPKCS8, generateKeyPair, jwtVerify, type JWTVerifyResult } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { makeJwt } from './platform.ts';

const README = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');
const MOUNTS = '/var/run/secrets/tokens';
const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const CLIENT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const ANSWER = { access_token: 'the-access-token', token_type: 'Bearer', expires_in: 300 };
/** Programs in it find the packages, this one included. */
const programs = join(import.meta.dirname, '..', '.recipes');

let server: ScriptedServer;
let directory: string;
let jwt: string;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;

beforeAll(async () => {
  keys = await generateKeyPair('RS256', { extractable: true });
  jwt = await makeJwt();
  mkdirSync(programs, { recursive: true });
});
afterAll(() => rmSync(programs, { recursive: true }));
beforeEach(async () => {
  server = await startScriptedServer();
  directory = temporaryDirectory();
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await server.close();
});

/** The code blocks of a recipe. */
function blocksOf(recipe: string): string[] {
  const section = new RegExp(`^### ${recipe}\\n([^]*?)(?=^##)`, 'm').exec(README)?.[1] ?? '';
  return [...section.matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1] ?? '');
}

/** Runs a recipe, and returns what it printed. */
async function run(recipe: string, env: Record<string, string> = {}, index = 0): Promise<string> {
  const code = blocksOf(recipe)[index] ?? '';
  const program = join(programs, `${recipe.replaceAll(' ', '-')}-${index}.mjs`);
  const replaced = code
    .replace(/(?<=token_endpoint:\s+')https:\/\/[^/']+/, server.origin)
    .replaceAll(MOUNTS, directory);
  expect(replaced).toContain(server.origin);
  // Whatever else the process loads, it needs no types.
  writeFileSync(program, stripTypeScriptTypes(replaced));
  const {
    code: status,
    stdout,
    stderr,
  } = await startProcess(program, {
    cwd: directory,
    env: { PATH: process.env['PATH'], ...env },
  }).ended;
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** The variables of a job of GitHub Actions on this server. */
function githubJob(): Record<string, string> {
  return {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}/id-token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
  };
}

function formOf(request: RecordedRequest | undefined): Record<string, string> {
  return Object.fromEntries(request?.form ?? []);
}

async function verify(request: RecordedRequest | undefined): Promise<JWTVerifyResult> {
  return jwtVerify(request?.form.get('assertion') ?? '', keys.publicKey);
}

it('has a recipe for each of the servers', () => {
  const count = (recipe: string): number => blocksOf(recipe).length;
  const names = ['Keycloak 26', 'Microsoft Entra ID', 'Anthropic', 'OpenAI', 'Google Cloud', 'Salesforce', 'Box'];
  expect(names.map(count)).toEqual([1, 1, 1, 1, 2, 1, 1]);
});

it('Keycloak 26: a client assertion from a Kubernetes token, then a token exchange', async () => {
  writeFileSync(join(directory, 'keycloak'), `${jwt}\n`);
  const path = '/realms/my-realm/protocol/openid-connect/token';
  server.script({ [path]: { json: { ...ANSWER, issued_token_type: ACCESS_TOKEN } } });
  expect(await run('Keycloak 26')).toMatch(/^\d+ \d+\n$/);
  // Keycloak finds the client by the issuer and the subject of the assertion.
  const authentication = { client_assertion_type: CLIENT_ASSERTION, client_assertion: jwt };
  expect(server.requestsTo(path).map(formOf)).toEqual([
    { grant_type: 'client_credentials', ...authentication },
    {
      grant_type: EXCHANGE,
      subject_token: 'the-access-token',
      subject_token_type: ACCESS_TOKEN,
      audience: 'another-service',
      ...authentication,
    },
  ]);
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
});

it('Microsoft Entra ID: a client assertion with the audience api://AzureADTokenExchange', async () => {
  const path = '/my-tenant/oauth2/v2.0/token';
  server.script({ '/id-token': { json: { value: jwt } }, [path]: { json: ANSWER } });
  expect(await run('Microsoft Entra ID', githubJob())).toMatch(/^\d+\n$/);
  expect(server.requests.map(({ url }) => url)).toEqual([
    '/id-token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange',
    path,
  ]);
  expect(formOf(server.requests[1])).toEqual({
    grant_type: 'client_credentials',
    scope: 'https://graph.microsoft.com/.default',
    client_id: '11111111-2222-3333-4444-555555555555',
    client_assertion_type: CLIENT_ASSERTION,
    client_assertion: jwt,
  });
});

it('Anthropic: the JWT bearer grant, as JSON', async () => {
  writeFileSync(join(directory, 'anthropic'), jwt);
  server.script({ '/v1/oauth/token': { json: ANSWER } });
  expect(await run('Anthropic')).toMatch(/^\d+\n$/);
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]?.headers['content-type']).toBe('application/json');
  expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
    grant_type: BEARER,
    assertion: jwt,
    federation_rule_id: 'fdrl_...',
    organization_id: '11111111-2222-3333-4444-555555555555',
    service_account_id: 'svac_...',
  });
});

it('OpenAI: a token exchange, as JSON', async () => {
  const path = '/computeMetadata/v1/instance/service-accounts/default/identity';
  server.script({
    [path]: { headers: { 'metadata-flavor': 'Google' }, body: jwt },
    '/oauth/token': { json: { ...ANSWER, issued_token_type: ACCESS_TOKEN } },
  });
  expect(await run('OpenAI', { GCE_METADATA_HOST: server.origin })).toMatch(/^\d+\n$/);
  expect(server.requests[0]?.url).toBe(`${path}?format=full&audience=https%3A%2F%2Fapi.openai.com%2Fv1`);
  expect(server.requests[1]?.headers['content-type']).toBe('application/json');
  expect(JSON.parse(server.requests[1]?.body ?? '')).toEqual({
    grant_type: EXCHANGE,
    subject_token: jwt,
    subject_token_type: JWT,
    identity_provider_id: 'idp_...',
    service_account_id: 'sa_...',
  });
});

it('Google Cloud: a token exchange at the STS', async () => {
  server.script({
    '/id-token': { json: { value: jwt } },
    '/v1/token': { json: { ...ANSWER, issued_token_type: ACCESS_TOKEN } },
  });
  expect(await run('Google Cloud', githubJob())).toMatch(/^\d+\n$/);
  const provider =
    '//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/my-pool/providers/my-provider';
  expect(new URL(server.requests[0]?.url ?? '', server.origin).searchParams.get('audience')).toBe(`https:${provider}`);
  expect(formOf(server.requests[1])).toEqual({
    grant_type: EXCHANGE,
    audience: provider,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    requested_token_type: ACCESS_TOKEN,
    subject_token: jwt,
    subject_token_type: JWT,
  });
  // The STS fails with this header.
  expect(server.requests[1]?.headers).not.toHaveProperty('authorization');
});

it('Google Cloud: the JWT bearer grant with the JSON file of a service account', async () => {
  const file = {
    type: 'service_account',
    private_key_id: 'key-1',
    private_key: await exportPKCS8(keys.privateKey),
    client_email: 'robot@my-project.iam.gserviceaccount.com',
    token_uri: 'https://oauth2.googleapis.com/token',
  };
  writeFileSync(join(directory, 'service-account.json'), JSON.stringify(file));
  server.script({ '/token': { json: ANSWER } });
  expect(await run('Google Cloud', {}, 1)).toMatch(/^\d+\n$/);
  expect(formOf(server.requests[0])).toEqual({ grant_type: BEARER, assertion: expect.any(String) });
  const { payload, protectedHeader } = await verify(server.requests[0]);
  expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'RS256', kid: 'key-1' });
  expect(payload).toMatchObject({
    iss: 'robot@my-project.iam.gserviceaccount.com',
    aud: 'https://oauth2.googleapis.com/token',
    scope: 'https://www.googleapis.com/auth/cloud-platform',
  });
});

it('Salesforce: the JWT bearer grant', async () => {
  writeFileSync(join(directory, 'salesforce.pem'), await exportPKCS8(keys.privateKey));
  const { expires_in: _, ...answer } = ANSWER;
  server.script({
    '/services/oauth2/token': { json: { ...answer, scope: 'api', instance_url: 'https://my.salesforce.com' } },
  });
  expect(await run('Salesforce')).toBe('api https://my.salesforce.com\n');
  expect(formOf(server.requests[0])).toEqual({ grant_type: BEARER, assertion: expect.any(String) });
  const { payload, protectedHeader } = await verify(server.requests[0]);
  expect(protectedHeader.alg).toBe('RS256');
  expect(payload).toMatchObject({
    iss: 'my-consumer-key',
    sub: 'robot@my-company.example',
    aud: 'https://login.salesforce.com',
  });
  // Salesforce takes at most 5 minutes.
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
});

it('Box: the JWT bearer grant with box_sub_type and the client secret', async () => {
  writeFileSync(join(directory, 'box.pem'), await exportPKCS8(keys.privateKey));
  server.script({ '/oauth2/token': { json: { ...ANSWER, token_type: 'bearer', restricted_to: [] } } });
  expect(await run('Box', { BOX_CLIENT_SECRET: 'my-secret' })).toMatch(/^\d+\n$/);
  expect(formOf(server.requests[0])).toEqual({
    grant_type: BEARER,
    assertion: expect.any(String),
    client_id: 'my-client-id',
    client_secret: 'my-secret',
  });
  const { payload, protectedHeader } = await verify(server.requests[0]);
  expect(protectedHeader).toMatchObject({ alg: 'RS256', kid: 'my-public-key-id' });
  expect(payload).toMatchObject({
    iss: 'my-client-id',
    sub: '123456',
    box_sub_type: 'enterprise',
    aud: 'https://api.box.com/oauth2/token',
  });
  expect(payload.jti).toMatch(/^[\w-]{16,128}$/);
});
