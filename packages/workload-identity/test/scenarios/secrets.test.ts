import { inspect } from 'node:util';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { requestToken } from '@oa/token-endpoint';
import type { AssertionSource, OAuthEvent } from '@oa/types';
import { exportPKCS8, generateKeyPair } from 'jose';
import { afterEach, expect, it, vi } from 'vitest';
import {
  azureManagedIdentity,
  azurePipelines,
  envToken,
  execToken,
  gcpMetadata,
  githubActions,
  serviceAccount,
  workload,
} from '../../src/index.ts';
import { makeJwt, stubPlatform } from '../platform.ts';

afterEach(() => vi.unstubAllEnvs());

/** The parts of a secret that would show it. */
function piecesOf(secret: string): string[] {
  return Array.from({ length: Math.floor(secret.length / 16) }, (_, index) =>
    secret.slice(index * 16, index * 16 + 16),
  );
}

it('shows no assertion, key or token of a platform in a source, an event, or the error of a server that repeats what it got', async () => {
  const jwt = await makeJwt();
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = await exportPKCS8(privateKey);
  const secrets = ['planted-request-token-0123456789', 'planted-access-token-0123456789', 'planted-header-0123456789'];
  await using server = await startScriptedServer((request) => {
    if (request.path === '/token')
      return { status: 400, json: { error: 'invalid_grant', error_description: `Not accepted: ${request.body}` } };
    return { json: { value: jwt, oidcToken: jwt, access_token: jwt } };
  });
  stubPlatform({
    ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}/github?x`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: secrets[0] ?? '',
    SYSTEM_OIDCREQUESTURI: `${server.origin}/azure`,
    SYSTEM_ACCESSTOKEN: secrets[1] ?? '',
    IDENTITY_ENDPOINT: `${server.origin}/identity`,
    IDENTITY_HEADER: secrets[2] ?? '',
    GCE_METADATA_HOST: server.origin,
  });
  vi.stubEnv('OA_TEST_TOKEN', jwt);
  const events: OAuthEvent[] = [];
  const onEvent = (event: OAuthEvent): void => void events.push(event);
  const sources: AssertionSource[] = [
    githubActions({ onEvent }),
    azurePipelines({ onEvent }),
    azureManagedIdentity(),
    workload({ onEvent }),
    envToken('OA_TEST_TOKEN'),
    execToken(['echo', jwt]),
    serviceAccount({ iss: 'me', key }),
  ];
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const shown: string[] = [];
  const assertions: string[] = [];
  for (const source of [...sources, gcpMetadata()]) shown.push(inspect(source, { depth: 10, showHidden: true }));
  for (const source of sources) {
    const assertion = await source({ audience: server.origin });
    assertions.push(assertion);
    const parameters = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion };
    shown.push(inspectAll(await rejectionOf(requestToken(metadata, { client_id: 'me' }, parameters, { onEvent }))));
  }
  expect(events.map(({ type }) => type)).toContain('workload_found');
  const all = [...shown, inspectAll(events)].join('\n');
  const [, ...pem] = key.split('\n');
  const pieces = [...secrets, ...assertions, ...pem.slice(0, -2)].flatMap(piecesOf);
  expect(pieces.length).toBeGreaterThan(100);
  expect(pieces.filter((piece) => all.includes(piece))).toEqual([]);
});
