import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { inspect } from 'node:util';
import {
  authenticateClient,
  clientSecretJwt,
  privateKeyJwt,
  type ClientAuthentication,
  type PrivateKeyJwtOptions,
  type SigningKey,
} from '@oa/client-authentication';
import type { OAuthEvent } from '@oa/types';
import {
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  type GenerateKeyPairResult,
} from 'jose';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { postGrant } from './post.ts';
import { startStrictServer } from './strict.ts';

const grant = { grant_type: 'client_credentials' };
const client = { client_id: 'my client' };
const NOW_MS = 1_800_000_000_900;
const SECRET = 'planted-client-secret-9f2c7e5b1d';

let ec: GenerateKeyPairResult;
let rsa: GenerateKeyPairResult;

beforeAll(async () => {
  ec = await generateKeyPair('ES256', { extractable: true });
  rsa = await generateKeyPair('RS256', { extractable: true });
});

describe('privateKeyJwt', () => {
  it('sends what a strict server demands: issuer as the only audience, typ, iss, sub, jti, 60 seconds (RFC 7523 section 3)', async () => {
    await using server = await startStrictServer({ key: ec.publicKey });
    const authentication = privateKeyJwt({ ...(await exportJWK(ec.privateKey)), kid: 'k1' });
    await postGrant(server.metadata, client, grant, { authentication, now: () => NOW_MS });
    await postGrant(server.metadata, client, grant, { authentication, now: () => NOW_MS });
    const { issuer } = server.metadata;
    const iat = 1_800_000_000;
    const claims = { iss: 'my client', sub: 'my client', aud: issuer, iat, exp: iat + 60 };
    expect(server.accepted.map(({ payload }) => payload)).toEqual([
      { ...claims, jti: expect.stringMatching(/^[\w-]{43}$/) },
      { ...claims, jti: expect.stringMatching(/^[\w-]{43}$/) },
    ]);
    for (const { header } of server.accepted)
      expect(header).toEqual({ typ: 'client-authentication+jwt', alg: 'ES256', kid: 'k1' });
    expect(server.scripted.requests).toHaveLength(2);
  });

  it('takes kid, lifetime and audience from its options, and the clock of the platform', async () => {
    const options = { kid: 'k2', lifetime: 300, audience: 'urn:other' };
    await using server = await startStrictServer({ key: ec.publicKey, audience: 'urn:other' });
    const before = Math.floor(Date.now() / 1000);
    const authentication = privateKeyJwt(await exportPKCS8(ec.privateKey), options);
    await postGrant(server.metadata, client, grant, { authentication });
    const [accepted] = server.accepted;
    expect(accepted?.header.kid).toBe('k2');
    const { iat = 0, exp = 0 } = accepted?.payload ?? {};
    expect(exp - iat).toBe(300);
    expect(iat).toBeGreaterThanOrEqual(before);
  });

  it('sends the token endpoint as the audience only by the option, also to another endpoint', async () => {
    await using server = await startStrictServer({ key: ec.publicKey, audience: 'https://as.example/token' });
    const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    const audienceOf = async (options: PrivateKeyJwtOptions): Promise<unknown> => {
      const authentication = privateKeyJwt(ec.privateKey, options);
      const { parameters } = await authenticateClient(metadata, client, {
        authentication,
        url: 'https://as.example/revoke',
      });
      return decodeJwt(String(parameters['client_assertion'])).aud;
    };
    expect(await audienceOf({})).toBe('https://as.example');
    expect(await audienceOf({ audience: 'token_endpoint' })).toBe('https://as.example/token');
    const refused = await rejectionOf(
      postGrant(server.metadata, client, grant, { authentication: privateKeyJwt(ec.privateKey) }),
    );
    expect(refused).toMatchObject({ code: 'oauth_error', error: 'invalid_client' });
    expect(server.scripted.requests).toHaveLength(1);
  });

  it('signs anew when a failed request is sent again, since a server takes each jti once', async () => {
    const busy = { status: 503, headers: { 'retry-after': '0' } };
    await using server = await startStrictServer({
      key: ec.publicKey,
      script: (_, index) => (index === 0 ? busy : undefined),
    });
    const events: string[] = [];
    await postGrant(server.metadata, client, grant, {
      authentication: privateKeyJwt(ec.privateKey),
      onEvent: ({ type }) => events.push(type),
    });
    expect(events).toEqual(['retry']);
    expect(new Set(server.accepted.map(({ payload }) => payload.jti)).size).toBe(2);
  });

  it('imports the key once', async () => {
    const importKey = vi.spyOn(crypto.subtle, 'importKey');
    try {
      const authentication = privateKeyJwt(await exportJWK(ec.privateKey));
      await using server = await startStrictServer({ key: ec.publicKey });
      const post = (): Promise<unknown> => postGrant(server.metadata, client, grant, { authentication });
      importKey.mockClear();
      await Promise.all([post(), post(), post()]);
      await post();
      expect(importKey.mock.calls.filter(([, , , , usages]) => (usages as string[]).includes('sign'))).toHaveLength(1);
      expect(server.accepted).toHaveLength(4);
    } finally {
      importKey.mockRestore();
    }
  });

  it('lets a function sign', async () => {
    await using server = await startStrictServer({ key: ec.publicKey });
    const sign = async (data: Uint8Array): Promise<Uint8Array> =>
      new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, ec.privateKey, new Uint8Array(data)));
    const authentication = privateKeyJwt(sign, { alg: 'ES256', kid: 'in-the-hsm' });
    await postGrant(server.metadata, client, grant, { authentication });
    expect(server.accepted[0]?.header).toMatchObject({ alg: 'ES256', kid: 'in-the-hsm' });
  });
});

describe('the algorithm', () => {
  const listed = (values: unknown) => ({
    metadata: { token_endpoint_auth_signing_alg_values_supported: values as string[] },
  });

  it.each<[string, unknown, PrivateKeyJwtOptions, string]>([
    ['no list', undefined, {}, 'RS256'],
    ['an empty list, which says nothing', [], {}, 'RS256'],
    ['a list that is none', 'RS512', {}, 'RS256'],
    ['both', ['PS256', 'RS256'], {}, 'RS256'],
    ['PS256 only', ['ES256', 'PS256'], {}, 'PS256'],
    ['both, with an option', ['PS256', 'RS256'], { alg: 'PS256' }, 'PS256'],
  ])('of an RSA key is the first that the server lists: %s (RFC 8414 section 2)', async (_, list, options, alg) => {
    await using server = await startStrictServer({ key: rsa.publicKey, ...listed(list) });
    for (const key of [await exportJWK(rsa.privateKey), await exportPKCS8(rsa.privateKey)]) {
      const { parameters } = await authenticateClient(server.metadata, client, {
        authentication: privateKeyJwt(key, options),
      });
      expect(decodeProtectedHeader(String(parameters['client_assertion'])).alg).toBe(alg);
    }
  });

  it.each<[string, () => ClientAuthentication | Promise<ClientAuthentication>, string]>([
    ['an RSA key', async () => privateKeyJwt(await exportJWK(rsa.privateKey)), 'RS256 or PS256'],
    ['a CryptoKey', () => privateKeyJwt(rsa.privateKey), 'RS256'],
    ['an option', async () => privateKeyJwt(await exportJWK(rsa.privateKey), { alg: 'PS256' }), 'PS256'],
    ['a function', () => privateKeyJwt(() => new Uint8Array(), { alg: 'RS512' }), 'RS512'],
    ['a client secret', () => clientSecretJwt(), 'HS256'],
  ])('of %s that the server does not list is refused with both lists, and nothing is sent', async (_, make, own) => {
    await using server = await startStrictServer({ key: rsa.publicKey, ...listed(['ES256', 'none']) });
    const authentication = await make();
    const secret = { ...client, client_secret: SECRET };
    const error = await rejectionOf(postGrant(server.metadata, secret, grant, { authentication }));
    expect(error.code).toBe('unsupported_client_authentication');
    expect(error.message).toBe(
      `The client signs with ${own}, and ${server.metadata.issuer} lists only these algorithms (token_endpoint_auth_signing_alg_values_supported): ES256, none. Use a key for one of them, and register it for the client.`,
    );
    expect(server.scripted.requests).toEqual([]);
  });

  it.each(['none', 'None', 'HS256', '', 'ES 256'])('of a function is never %j (RFC 8725 section 3.2)', async (alg) => {
    const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    const call = async (): Promise<unknown> =>
      authenticateClient(metadata, client, { authentication: privateKeyJwt(() => new Uint8Array(), { alg }) });
    await expect(call()).rejects.toBeInstanceOf(TypeError);
  });
});

describe('a refusal', () => {
  it('is accepted, and says what to check', async () => {
    await using server = await startStrictServer({ key: rsa.publicKey });
    const ask = async (authentication: ClientAuthentication): Promise<string> => {
      const secret = { ...client, client_secret: SECRET };
      const error = await rejectionOf(postGrant(server.metadata, secret, grant, { authentication }));
      expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_client', status: 401 });
      return error.message;
    };
    const { issuer } = server.metadata;
    expect(await ask(privateKeyJwt(ec.privateKey, { kid: 'k1' }))).toContain(
      ` Check that the server has the public key (kid k1) of this client for ES256, that the clock of this machine is right, and which audience the server wants: it was ${issuer}. The option \`audience: 'token_endpoint'\` sends another one.`,
    );
    expect(await ask(privateKeyJwt(ec.privateKey, { audience: 'token_endpoint' }))).toMatch(
      /public key of this client .* it was .*\/token\. The option `audience: 'issuer'`/,
    );
    expect(await ask(clientSecretJwt())).toContain(' Check the client_secret (has it expired or been replaced?), that');
    expect(server.scripted.requests).toHaveLength(3);
  });

  it('of something else than the client has no advice', async () => {
    await using server = await startStrictServer({
      key: ec.publicKey,
      script: () => ({ status: 400, json: { error: 'invalid_scope' } }),
    });
    const authentication = privateKeyJwt(ec.privateKey);
    const error = await rejectionOf(postGrant(server.metadata, client, grant, { authentication }));
    expect(error).toMatchObject({ error: 'invalid_scope' });
    expect(error.message).not.toContain('public key');
  });
});

describe('clientSecretJwt', () => {
  it('signs with the client secret and HS256, and does not send it', async () => {
    await using server = await startStrictServer({
      key: new TextEncoder().encode(SECRET),
      metadata: { token_endpoint_auth_signing_alg_values_supported: ['HS256'] },
    });
    const authentication = clientSecretJwt();
    for (let count = 0; count < 2; count += 1)
      await postGrant(server.metadata, { ...client, client_secret: SECRET }, grant, { authentication });
    expect(server.accepted.map(({ header }) => header.alg)).toEqual(['HS256', 'HS256']);
    expect(server.scripted.requests.map(({ body }) => body).join('')).not.toContain(SECRET);
    // The secret of another client, or a new one, is used at once.
    const other = { ...client, client_secret: `${SECRET}-2` };
    expect((await rejectionOf(postGrant(server.metadata, other, grant, { authentication }))).error).toBe(
      'invalid_client',
    );
  });

  it('without a secret is a TypeError', async () => {
    await using server = await startStrictServer({ key: new Uint8Array(32) });
    await expect(postGrant(server.metadata, client, grant, { authentication: clientSecretJwt() })).rejects.toThrow(
      /client_secret is missing or empty.*clientSecretJwt\(\), which needs one/,
    );
    expect(server.scripted.requests).toEqual([]);
  });
});

it.each<[string, () => unknown, RegExp]>([
  ['no key', () => privateKeyJwt(undefined as never), /must be a CryptoKey, a JWK.*is the variable set\?/],
  ['an empty key', () => privateKeyJwt(''), /is the variable set\?/],
  ['null', () => privateKeyJwt(null as never), /must be a CryptoKey/],
  ['a number', () => privateKeyJwt(5 as never), /must be a CryptoKey/],
  ['an empty kid', () => privateKeyJwt('key', { kid: '' }), /options\.kid must be a non-empty string/],
  ['a wrong alg', () => privateKeyJwt('key', { alg: 5 as never }), /options\.alg/],
  ['several audiences', () => privateKeyJwt('key', { audience: ['a'] as never }), /options\.audience/],
  ['no lifetime', () => privateKeyJwt('key', { lifetime: 0 }), /options\.lifetime must be .* from 1 to 300/],
  ['milliseconds', () => privateKeyJwt('key', { lifetime: 60_000 }), /options\.lifetime/],
  ['not a number', () => clientSecretJwt({ lifetime: Number.NaN }), /options\.lifetime/],
  ['a text', () => clientSecretJwt({ lifetime: '60' as never }), /options\.lifetime/],
])('is a TypeError at once: %s', (_, call, message) => {
  expect(call).toThrow(TypeError);
  expect(call).toThrow(message);
});

it('shows no key, no secret and no assertion in an error, in an event or in what it returns', async () => {
  const jwk = await exportJWK(ec.privateKey);
  const pem = await exportPKCS8(ec.privateKey);
  const keys: SigningKey[] = [jwk, pem, ec.privateKey, { ...jwk, d: 'planted-d-of-a-damaged-key-71c' }];
  const sent: string[] = [];
  await using server = await startStrictServer({ key: rsa.publicKey });
  // The server repeats what it was sent.
  server.scripted.script(({ form, body }, index) => {
    sent.push(form.get('client_assertion') ?? '');
    if (index % 2 === 0) return { status: 503, json: { error: 'temporarily_unavailable', error_description: body } };
    return { status: 401, json: { error: 'invalid_client', error_description: body } };
  });
  const shown: string[] = [];
  for (const authentication of [...keys.map((key) => privateKeyJwt(key)), clientSecretJwt()]) {
    const secret = { ...client, client_secret: SECRET };
    const onEvent = (event: OAuthEvent): void => void shown.push(JSON.stringify(event));
    const failed = postGrant(server.metadata, secret, grant, { authentication, onEvent });
    const error: unknown = await failed.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    shown.push(inspectAll(error), inspect(authentication, { depth: 10, showHidden: true }));
  }
  expect(sent).toHaveLength(8);
  expect(shown.filter((text) => text.includes('"type":"retry"'))).toHaveLength(4);
  const secrets = [
    jwk.d ?? '',
    ...pem.split('\n').slice(1, -2),
    'planted-d-of',
    SECRET,
    ...sent.flatMap((jwt) => jwt.split('.')),
  ];
  for (const each of secrets) for (const text of shown) expect(text).not.toContain(each.slice(0, 20));
});
