import { startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { assertAuthentication } from '@oa/client-authentication';
import type { Client } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { postGrant } from './post.ts';
import { basicCredentials, methodOf, newMetadata, ODD_SECRET, token } from './requests.ts';

const grant = { grant_type: 'client_credentials' };

describe('the method', () => {
  it.each<[string[] | undefined, Partial<Client>, string | undefined, string]>([
    [undefined, { client_secret: 's' }, undefined, 'basic'],
    [[], { client_secret: 's' }, undefined, 'basic'],
    [['client_secret_basic', 'client_secret_post'], { client_secret: 's' }, undefined, 'basic'],
    [['client_secret_post', 'client_secret_basic'], { client_secret: 's' }, undefined, 'basic'],
    [['client_secret_post', 'private_key_jwt'], { client_secret: 's' }, undefined, 'post'],
    [['none'], { client_secret: 's' }, undefined, 'none'],
    [undefined, {}, undefined, 'none'],
    [['client_secret_basic'], {}, undefined, 'none'],
    [['client_secret_basic'], { client_secret: '' }, undefined, 'none'],
    [
      ['client_secret_basic'],
      { client_secret: 's', token_endpoint_auth_method: 'client_secret_post' },
      undefined,
      'post',
    ],
    [
      ['client_secret_post'],
      { client_secret: 's', token_endpoint_auth_method: 'client_secret_basic' },
      undefined,
      'basic',
    ],
    [['client_secret_basic'], { client_secret: 's', token_endpoint_auth_method: 'none' }, undefined, 'none'],
    [undefined, { token_endpoint_auth_method: 'client_secret_basic' }, undefined, 'none'],
    [undefined, { token_endpoint_auth_method: 'tls_client_auth' }, undefined, 'none'],
    [['client_secret_basic'], { client_secret: 's' }, 'client_secret_post', 'post'],
    [['client_secret_post'], { client_secret: 's' }, 'client_secret_basic', 'basic'],
    [undefined, { client_secret: 's', token_endpoint_auth_method: 'client_secret_post' }, 'none', 'none'],
    [undefined, { client_secret: 's', token_endpoint_auth_method: 'private_key_jwt' }, 'client_secret_basic', 'basic'],
  ])(
    'with metadata %j, client %j and option %j is %s (RFC 8414 section 2, RFC 7591 section 2)',
    async (methods, client, authentication, expected) => {
      await using server = await startScriptedServer(() => ({ json: token }));
      const options = { authentication: authentication as 'none' | undefined };
      await postGrant(newMetadata(server, methods), { client_id: 'c', ...client }, grant, options);
      expect(server.requests).toHaveLength(1);
      expect(methodOf(server.requests[0])).toBe(expected);
    },
  );

  it('of a public client is client_id in the body, without a header (RFC 6749 section 3.2.1)', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    await postGrant(newMetadata(server), { client_id: 'public' }, { grant_type: 'authorization_code', code: 'x' });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(server.requests[0]?.form ?? [])).toEqual({
      grant_type: 'authorization_code',
      code: 'x',
      client_id: 'public',
    });
  });
});

describe('without a built-in method in common', () => {
  const onlySecret = { client_id: 'c', client_secret: 's' };
  const registered = { client_id: 'c', token_endpoint_auth_method: 'private_key_jwt' };

  it('nothing is sent', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const onlyJwt = newMetadata(server, ['private_key_jwt']);
    for (const client of [onlySecret, registered])
      expect((await rejectionOf(postGrant(onlyJwt, client, grant))).code).toBe('unsupported_client_authentication');
    expect(server.requests).toHaveLength(0);
  });

  it('the error names the methods and an option that works', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const metadata = newMetadata(server, ['private_key_jwt', 'tls_client_auth']);
    const advice = (functions: string): string =>
      `Pass the option \`authentication\`: ${functions}, or the built-in method to use instead (client_secret_basic, client_secret_post or none).`;
    expect((await rejectionOf(postGrant(metadata, onlySecret, grant))).message).toBe(
      `${metadata.issuer} lists no built-in method, only these: private_key_jwt, tls_client_auth. ${advice('privateKeyJwt(key) or tlsClientAuth({ fetch })')}`,
    );
    expect((await rejectionOf(postGrant(metadata, registered, grant))).message).toBe(
      `The client is registered at ${metadata.issuer} for private_key_jwt, which is not built in. ${advice('privateKeyJwt(key)')}`,
    );
    const bySecret = { client_id: 'c', client_secret: 's', token_endpoint_auth_method: 'client_secret_jwt' };
    expect((await rejectionOf(postGrant(metadata, bySecret, grant))).message).toContain(advice('clientSecretJwt()'));
    const byOther = { ...bySecret, token_endpoint_auth_method: 'attest_jwt_client_auth' };
    expect((await rejectionOf(postGrant(metadata, byOther, grant))).message).toContain(
      advice('a function that authenticates the client'),
    );
    const assert = (): object => ({ parameters: { client_id: 'c', client_assertion: 'signed' } });
    for (const client of [onlySecret, registered]) {
      await postGrant(metadata, client, grant, { authentication: assert });
      await postGrant(metadata, { ...client, client_secret: 's' }, grant, { authentication: 'client_secret_post' });
    }
    expect(server.requests.map(methodOf)).toEqual(['none', 'post', 'none', 'post']);
  });

  it('a function that only adds does not replace the missing method', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const authentication = (): object => ({ builtIn: true, headers: { dpop: 'proof' } });
    const error = await rejectionOf(postGrant(newMetadata(server), registered, grant, { authentication }));
    expect(error.code).toBe('unsupported_client_authentication');
    expect(server.requests).toHaveLength(0);
  });
});

describe('a wrong option', () => {
  it('is a TypeError', () => {
    for (const wrong of ['client_secret_jwt', 'client_secret_basic_unencoded', '', null, 5, {}])
      expect(() => assertAuthentication(wrong)).toThrow(
        new TypeError(
          'The option `authentication` must be client_secret_basic, client_secret_post or none, or a function.',
        ),
      );
    for (const right of ['client_secret_basic', 'client_secret_post', 'none', () => undefined, undefined])
      expect(() => assertAuthentication(right)).not.toThrow();
  });

  it('is a TypeError before anything is sent', async () => {
    await using server = await startScriptedServer(() => ({ json: token }));
    const metadata = newMetadata(server);
    const client = { client_id: 'c', client_secret: 's' };
    for (const call of [
      () => postGrant(metadata, client, grant, { authentication: 'client_secret_jwt' as 'none' }),
      () => postGrant(metadata, { client_id: 'c' }, grant, { authentication: 'client_secret_basic' }),
      () => postGrant(metadata, { client_id: '' }, grant),
      () => postGrant(metadata, {} as Client, grant),
    ])
      await expect(call()).rejects.toBeInstanceOf(TypeError);
    expect(server.requests).toHaveLength(0);
  });
});

it('forgets the method of the oldest server after 200 others', async () => {
  await using server = await startScriptedServer((request) =>
    basicCredentials(request, (text) => text)?.[1] === ODD_SECRET
      ? { json: token }
      : { status: 401, json: { error: 'invalid_client' } },
  );
  const client = { client_id: 'c', client_secret: ODD_SECRET };
  const first = newMetadata(server);
  for (let index = 0; index < 202; index += 1)
    await postGrant(index === 0 ? first : newMetadata(server), client, grant);
  const before = server.requests.length;
  await postGrant(first, client, grant);
  expect(server.requests.length - before).toBe(2);
});
