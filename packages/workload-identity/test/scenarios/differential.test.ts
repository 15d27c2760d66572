// The same platform, scripted, for this package and for the libraries of the platforms: the same requests, the same assertion.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScriptedServer, type RecordedRequest, type ScriptedServer } from '@oa-internal/scripted-server';
import { temporaryDirectory } from '@oa-internal/testing';
import { getIDToken } from '@actions/core';
import { assert, asyncProperty, constantFrom, oneof, string } from 'fast-check';
import { Compute, IdentityPoolClient, PluggableAuthClient } from 'google-auth-library';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { execToken, fileToken, gcpMetadata, githubActions } from '../../src/index.ts';
import { makeJwt, secondsFromNow, stubPlatform } from '../platform.ts';

const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const SAML = 'urn:ietf:params:oauth:token-type:saml2';
const POOL = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider';
let server: ScriptedServer;
let directory: string;

beforeEach(async () => {
  server = await startScriptedServer();
  directory = temporaryDirectory();
  // @actions/core prints commands for the runner.
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
  await server.close();
});

/** What the platform looks at. */
function seen(request: RecordedRequest | undefined, headers: readonly string[]): unknown {
  return {
    method: request?.method,
    path: request?.path,
    query: [...new URL(request?.url ?? '', server.origin).searchParams],
    headers: headers.map((name) => [name, request?.headers[name]]),
    body: request?.body,
  };
}

/** The outcome of both, for a comparison: an assertion, or no assertion. */
async function outcomeOf(result: Promise<unknown>): Promise<unknown> {
  return result.then(
    (value) => value,
    () => 'none',
  );
}

const AUDIENCES = oneof(
  constantFrom('https://as.example', 'api://AzureADTokenExchange', '//iam.googleapis.com/a?b&c=d#e', 'ä 💾+%/'),
  string({ minLength: 1, unit: 'grapheme' }),
);

describe('githubActions and getIDToken of @actions/core', () => {
  it('send the same request, and return the same token', async () => {
    const value = await makeJwt();
    server.script(() => ({ json: { count: 1, value } }));
    stubPlatform({
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}/x/y?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
    });
    await assert(
      asyncProperty(AUDIENCES, async (audience) => {
        server.requests.length = 0;
        expect(await githubActions()({ audience })).toBe(await getIDToken(audience));
        const [ours, theirs] = server.requests;
        expect(ours?.url).toBe(theirs?.url);
        const names = ['authorization', 'accept'];
        expect(seen(ours, names)).toEqual(seen(theirs, names));
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [{ status: 404 }],
    [{ status: 400, json: { message: 'no' } }],
    [{ json: {} }],
    [{ json: { value: '' } }],
    [{ body: 'x' }],
  ])('reject after the answer %j', async (reply) => {
    server.script(() => reply);
    stubPlatform({ ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}/?x`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 't' });
    expect(await outcomeOf(githubActions()({ audience: 'a' }))).toBe('none');
    expect(await outcomeOf(getIDToken('a'))).toBe('none');
  });
});

describe('gcpMetadata and Compute of google-auth-library', () => {
  it('send the same request, and return the same token', async () => {
    const token = await makeJwt();
    server.script(() => ({ headers: { 'metadata-flavor': 'Google' }, body: token }));
    stubPlatform({ GCE_METADATA_HOST: server.origin.slice('http://'.length) });
    // The library does not encode the audience, so only those that need no encoding compare.
    for (const audience of ['my-audience', 'https://as.example/path', 'api://AzureADTokenExchange']) {
      server.requests.length = 0;
      expect(await gcpMetadata()({ audience })).toBe(await new Compute().fetchIdToken(audience));
      const [ours, theirs] = server.requests;
      expect(seen(ours, ['metadata-flavor'])).toEqual(seen(theirs, ['metadata-flavor']));
    }
  });

  it.each([[{ body: 'token' }], [{ status: 404, headers: { 'metadata-flavor': 'Google' } }]])(
    'reject after the answer %j',
    async (reply) => {
      server.script(() => reply);
      stubPlatform({ GCE_METADATA_HOST: server.origin.slice('http://'.length) });
      expect(await outcomeOf(gcpMetadata()({ audience: 'a' }))).toBe('none');
      expect(await outcomeOf(new Compute().fetchIdToken('a'))).toBe('none');
    },
  );
});

describe('fileToken and the file source of google-auth-library', () => {
  it('send the same subject token to the token exchange', async () => {
    const token = await makeJwt();
    const file = join(directory, 'token');
    writeFileSync(file, token);
    const client = new IdentityPoolClient({
      type: 'external_account',
      audience: POOL,
      subject_token_type: JWT,
      token_url: `${server.origin}/v1/token`,
      credential_source: { file },
    });
    expect(await fileToken(file)({ audience: POOL })).toBe(await client.retrieveSubjectToken());
    writeFileSync(file, 'rotated');
    expect(await fileToken(file)({ audience: POOL })).toBe(await client.retrieveSubjectToken());
    rmSync(file);
    expect(await outcomeOf(fileToken(file)({ audience: POOL }))).toBe('none');
    expect(await outcomeOf(client.retrieveSubjectToken())).toBe('none');
  });
});

describe('execToken and the executable source of google-auth-library', () => {
  /** A program that writes its arguments and variables down, and prints a response. */
  function commandFor(response: unknown, status = 0): string[] {
    const program = join(directory, 'helper.cjs');
    const names = ['AUDIENCE', 'TOKEN_TYPE', 'INTERACTIVE', 'OUTPUT_FILE', 'IMPERSONATED_EMAIL'];
    writeFileSync(
      program,
      `const variables = ${JSON.stringify(names)}.map((name) => process.env['GOOGLE_EXTERNAL_ACCOUNT_' + name] ?? null);
       require('node:fs').appendFileSync(${JSON.stringify(join(directory, 'runs'))}, JSON.stringify([process.argv.slice(2), variables]) + '\\n');
       process.stdout.write(${JSON.stringify(typeof response === 'string' ? response : JSON.stringify(response))});
       process.exitCode = ${status};`,
    );
    return [process.execPath, program, 'first', '--second=2'];
  }

  async function compare(response: unknown, status = 0): Promise<unknown> {
    stubPlatform();
    vi.stubEnv('GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES', '1');
    rmSync(join(directory, 'runs'), { force: true });
    const command = commandFor(response, status);
    const client = new PluggableAuthClient({
      type: 'external_account',
      audience: POOL,
      subject_token_type: JWT,
      token_url: `${server.origin}/v1/token`,
      credential_source: { executable: { command: command.join(' '), timeout_millis: 30_000 } },
    });
    const ours = await outcomeOf(execToken(command, { format: 'google' })({ audience: POOL }));
    expect(ours).toBe(await outcomeOf(client.retrieveSubjectToken()));
    const [first, second] = readFileSync(join(directory, 'runs'), 'utf8').trim().split('\n');
    expect(first).toBe(second);
    expect(JSON.parse(first ?? '')).toEqual([
      ['first', '--second=2'],
      [POOL, JWT, '0', null, null],
    ]);
    return ours;
  }

  it.each(['urn:ietf:params:oauth:token-type:id_token', JWT, SAML])(
    'give a token of the type %s',
    async (token_type) => {
      const name = token_type === SAML ? 'saml_response' : 'id_token';
      const response = {
        version: 1,
        success: true,
        token_type,
        [name]: 'a-token',
        expiration_time: secondsFromNow(60),
      };
      expect(await compare(response)).toBe('a-token');
    },
  );

  it.each<[string, unknown, number?]>([
    ['a failure', { version: 1, success: false, code: '401', message: 'no' }],
    ['a newer version', { version: 2, success: true, token_type: JWT, id_token: 'x' }],
    ['no version', { success: true, token_type: JWT, id_token: 'x' }],
    ['no success', { version: 1, token_type: JWT, id_token: 'x' }],
    ['another type', { version: 1, success: true, token_type: 'x', id_token: 'x' }],
    ['no token', { version: 1, success: true, token_type: JWT }],
    ['an expired token', { version: 1, success: true, token_type: JWT, id_token: 'x', expiration_time: 1 }],
    ['no JSON', 'token'],
    ['an exit status', { version: 1, success: true, token_type: JWT, id_token: 'x' }, 3],
  ])('give no token after %s', async (_, response, status) => {
    expect(await compare(response, status)).toBe('none');
  });
});
