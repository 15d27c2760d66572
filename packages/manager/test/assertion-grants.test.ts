import { createManager, type Credentials, type Manager } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import { OAuthError, type AssertionRequest, type AssertionSource, type AuthorizationServer } from '@oa/types';
import { inspectAll } from '@oa-internal/testing';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bearer, managerAt, startScripted, storedTokens, temporaryDirectory, tokensDirectory } from './setup.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/** A JWT whose signature no test looks at. */
function jwtOf(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.planted-signature`;
}

function exchanging(subject_token: string | AssertionSource, more: Credentials = {}): Credentials {
  return { grant_type: TOKEN_EXCHANGE, subject_token, subject_token_type: ACCESS_TOKEN, client_id: 'c', ...more };
}

/** A server that gives each subject a token of its own. */
async function startExchange() {
  return startScripted({
    '/token': ({ form }) =>
      bearer(`for ${form.get('subject_token') ?? form.get('assertion')}`, { issued_token_type: ACCESS_TOKEN }),
  });
}

async function accessToken(manager: Manager, server: AuthorizationServer, credentials: Credentials): Promise<string> {
  return (await manager.getToken(server, credentials)).access_token;
}

it('makes one exchange for each of 1,000 subjects with 20 calls at a time, and mixes none up', async () => {
  const { server, metadata } = await startExchange();
  const manager = createManager();
  const subjects = Array.from({ length: 1000 }, (_, index) => `user-${index}`);
  const calls = subjects.flatMap((subject) => Array.from({ length: 20 }, () => subject));
  const tokens = await Promise.all(calls.map((subject) => accessToken(manager, metadata, exchanging(subject))));
  expect(tokens).toEqual(calls.map((subject) => `for ${subject}`));
  expect(server.requestsTo('/token')).toHaveLength(1000);
  expect(await accessToken(manager, metadata, exchanging('user-7'))).toBe('for user-7');
  expect(server.requestsTo('/token')).toHaveLength(1000);
});

it('keeps the tokens of other users in memory, and on the disk where the caller has chosen a cache', async () => {
  const { server, metadata } = await startExchange();
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory);
  const credentials = exchanging('planted-subject-token', { subject: 'ada' });
  expect(await accessToken(manager, metadata, credentials)).toBe('for planted-subject-token');
  expect(existsSync(tokensDirectory(directory))).toBe(false);
  expect(await manager.sessions()).toMatchObject({ ok: true, value: [{ subject: 'ada', client_id: 'c' }] });
  await accessToken(managerAt(directory).manager, metadata, credentials);
  expect(server.requestsTo('/token')).toHaveLength(2);

  const cache = () => fileTokenCache({ directory: tokensDirectory(directory) });
  for (let run = 0; run < 2; run += 1) await accessToken(createManager({ cache: cache() }), metadata, credentials);
  expect(server.requestsTo('/token')).toHaveLength(3);
  expect(storedTokens(directory)).toHaveLength(1);
});

it('tells subjects apart by label, else by the digest of the assertion, and not by the type of source', async () => {
  const { server, metadata } = await startExchange();
  const manager = createManager();
  const asked: AssertionRequest[] = [];
  const source: AssertionSource = async (request) => (asked.push(request), 'jwt-1');
  const byDigest: Credentials = { grant_type: JWT_BEARER, assertion: source };
  for (let call = 0; call < 3; call += 1) expect(await accessToken(manager, metadata, byDigest)).toBe('for jwt-1');
  // Each call asks whom the assertion is about. The first one's assertion is the one that is sent.
  expect(asked.map(({ audience }) => audience)).toEqual(Array.from({ length: 3 }, () => metadata.issuer));
  expect(await accessToken(manager, metadata, { grant_type: JWT_BEARER, assertion: 'jwt-1' })).toBe('for jwt-1');
  expect(server.requestsTo('/token')).toHaveLength(1);

  asked.length = 0;
  const labelled = { ...byDigest, subject: 'this job' };
  for (let call = 0; call < 3; call += 1) await accessToken(manager, metadata, labelled);
  expect(asked).toHaveLength(1);
  expect(server.requestsTo('/token')).toHaveLength(2);
  await accessToken(manager, metadata, { ...labelled, subject: 'another job' });
  expect(server.requestsTo('/token')).toHaveLength(3);
});

it('makes one grant for a source that returns another assertion each time where it has a label', async () => {
  const { server, metadata } = await startExchange();
  let count = 0;
  const assertion: AssertionSource = async () => `jwt-${(count += 1)}`;
  const grantsFor = async (subject?: string): Promise<number> => {
    const manager = createManager();
    const before = server.requestsTo('/token').length;
    for (let call = 0; call < 3; call += 1)
      await manager.getToken(metadata, { grant_type: JWT_BEARER, assertion, subject });
    return server.requestsTo('/token').length - before;
  };
  expect([await grantsFor('this job'), await grantsFor()]).toEqual([1, 3]);
});

it('sends no client where the credentials have none, and registers none (RFC 7523 section 3.1)', async () => {
  const { server, metadata } = await startExchange();
  await accessToken(createManager(), metadata, { grant_type: JWT_BEARER, assertion: 'jwt', scope: 'read' });
  const [{ form, headers } = { form: new URLSearchParams(), headers: {} }] = server.requestsTo('/token');
  expect(Object.fromEntries(form)).toEqual({ grant_type: JWT_BEARER, assertion: 'jwt', scope: 'read' });
  expect(headers['authorization']).toBeUndefined();
  expect(server.requests).toHaveLength(1);
});

it('authenticates the client that the credentials have', async () => {
  const { server, metadata } = await startExchange();
  await accessToken(createManager(), metadata, exchanging('t', { client_secret: 's', audience: 'api' }));
  const [request] = server.requestsTo('/token');
  expect(request?.headers['authorization']).toBe(`Basic ${btoa('c:s')}`);
  expect(Object.fromEntries(request?.form ?? [])).toEqual({
    grant_type: TOKEN_EXCHANGE,
    subject_token: 't',
    subject_token_type: ACCESS_TOKEN,
    audience: 'api',
  });
});

it('exchanges again when the subject token expires, although the new token would live longer (RFC 8693 section 2.2.1)', async () => {
  const start = Date.now();
  let now = start;
  let lifetime = 600;
  const subject = async () => jwtOf({ sub: 'ada', exp: Math.floor(now / 1000) + lifetime });
  const { server, metadata } = await startExchange();
  const manager = createManager({ now: () => now });
  const credentials = exchanging(subject, { subject: 'ada' });
  expect((await manager.getToken(metadata, credentials)).expires_at).toBe(Math.floor(start / 1000) + 600);
  now = start + 300_000;
  await manager.getToken(metadata, credentials);
  expect(server.requestsTo('/token')).toHaveLength(1);
  now = start + 541_000;
  lifetime = 900;
  await manager.getToken(metadata, credentials);
  expect(server.requestsTo('/token')).toHaveLength(2);
});

it('asks for another assertion after a refusal, once, and then returns the refusal', async () => {
  const { server, metadata } = await startScripted({
    '/token': ({ form }) =>
      form.get('assertion') === 'good' ? bearer('a') : { status: 400, json: { error: 'invalid_grant' } },
  });
  const manager = createManager();
  const asked: (string | undefined)[] = [];
  const yielding =
    (...assertions: string[]): AssertionSource =>
    async ({ rejected }) => {
      asked.push(rejected);
      return assertions.shift() ?? 'none';
    };
  const call = (assertion: AssertionSource | string) => manager.get(metadata, { grant_type: JWT_BEARER, assertion });
  expect(await call(yielding('bad', 'good'))).toMatchObject({ ok: true });
  expect(asked).toEqual([undefined, 'bad']);
  expect(await call(yielding('wrong', 'worse', 'good'))).toMatchObject({
    ok: false,
    error: { error: 'invalid_grant' },
  });
  expect(await call('refused')).toMatchObject({ ok: false, error: { error: 'invalid_grant' } });
  expect(server.requestsTo('/token')).toHaveLength(5);
  expect(new Set(server.requestsTo('/token').map(({ form }) => form.get('grant_type')))).toEqual(new Set([JWT_BEARER]));
});

it.each([undefined, 'ada'])(
  'ends a source that never resolves with the timeout of the manager (label: %s)',
  async (subject) => {
    const { server, metadata } = await startExchange();
    const manager = createManager({ timeout: 300 });
    const signals: (AbortSignal | undefined)[] = [];
    const assertion: AssertionSource = ({ signal }) => (signals.push(signal), new Promise(() => undefined));
    const result = await manager.get(metadata, { grant_type: JWT_BEARER, assertion, subject });
    expect(result).toMatchObject({ ok: false, error: { code: 'timeout', retryable: true, sent: false } });
    expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
    expect(server.requests).toHaveLength(0);
  },
);

it('ends with the reason of the signal where a source ignores it', async () => {
  const { metadata } = await startExchange();
  const assertion: AssertionSource = () => new Promise(() => undefined);
  const reason = new Error('enough');
  for (const timeout of [undefined, 60_000]) {
    const controller = new AbortController();
    const call = createManager({ timeout }).get(
      metadata,
      { grant_type: JWT_BEARER, assertion },
      { signal: controller.signal },
    );
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  }
});

it('says why a source that has no other assertion was asked for one', async () => {
  const { server, metadata } = await startScripted({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  const assertion: AssertionSource = async ({ rejected }) => {
    if (rejected !== undefined) throw new OAuthError('assertion_unavailable', 'The platform has no other one.');
    return 'refused';
  };
  const result = await createManager().get(metadata, { grant_type: JWT_BEARER, assertion });
  expect(result).toMatchObject({ ok: false, error: { code: 'assertion_unavailable' } });
  expect(result.ok ? '' : result.error.message).toMatch(/^The platform has no other one\. .*invalid_grant/);
  expect(server.requestsTo('/token')).toHaveLength(1);
});

it('throws the bug of a source that is asked for another assertion', async () => {
  const { metadata } = await startScripted({ '/token': { status: 400, json: { error: 'invalid_grant' } } });
  const bug = new RangeError('a bug');
  const assertion: AssertionSource = async ({ rejected }) => {
    if (rejected !== undefined) throw bug;
    return 'refused';
  };
  await expect(createManager().get(metadata, { grant_type: JWT_BEARER, assertion })).rejects.toBe(bug);
});

it('does not ask for another assertion where the server refuses something else', async () => {
  const { server, metadata } = await startScripted({ '/token': { status: 400, json: { error: 'invalid_scope' } } });
  let asked = 0;
  const assertion: AssertionSource = async () => `jwt-${++asked}`;
  const result = await createManager().get(metadata, { grant_type: JWT_BEARER, assertion });
  expect(result).toMatchObject({ ok: false, error: { error: 'invalid_scope' } });
  expect([asked, server.requestsTo('/token').length]).toEqual([1, 1]);
});

it.each([undefined, '', 7])('is assertion_unavailable where a source resolves with %j', async (value) => {
  const { server, metadata } = await startExchange();
  const result = await createManager().get(
    metadata,
    exchanging(async () => value as never),
  );
  expect(result).toMatchObject({ ok: false, error: { code: 'assertion_unavailable' } });
  expect(server.requests).toHaveLength(0);
});

it('shows no assertion in an error, an event or the list of sessions', async () => {
  const { metadata } = await startScripted({
    '/token': ({ form }) => ({
      status: 400,
      json: { error: 'invalid_grant', error_description: `no good: ${form.get('subject_token')}` },
    }),
  });
  const directory = temporaryDirectory();
  const { manager, events } = managerAt(directory);
  const secret = jwtOf({ sub: 'planted-claims' });
  const result = await manager.get(metadata, exchanging(secret));
  expect(result.ok).toBe(false);
  const shown = [inspectAll(result.ok ? undefined : result.error), JSON.stringify(events), inspectAll(manager)].join();
  for (const part of secret.split('.')) expect(shown).not.toContain(part);
});

describe('is refused with a TypeError that names the cure', () => {
  it.each<[string, Credentials, RegExp]>([
    ['an empty label', exchanging('t', { subject: '' }), /credentials\.subject must be a non-empty string/],
    ['a label like a digest', exchanging('t', { subject: 'sha-256:0' }), /must not begin with sha-256:/],
    ['no subject token', exchanging(''), /is the variable set/],
    ['no type', { ...exchanging('t'), subject_token_type: undefined }, /need each other/],
    ['a type alone', { client_id: 'c', subject_token_type: ACCESS_TOKEN }, /need each other/],
    ['no assertion', { grant_type: JWT_BEARER }, /credentials\.assertion must be a non-empty string, or a function/],
    ['an assertion for another grant', { client_id: 'c', assertion: 'jwt' }, /belongs to another grant/],
    ['a label for another grant', { client_id: 'c', subject: 'ada' }, /Use profile instead/],
  ])('%s', async (_name, credentials, message) => {
    const { metadata, server } = await startExchange();
    const call = createManager().get(metadata, credentials);
    await expect(call).rejects.toThrow(TypeError);
    await expect(call).rejects.toThrow(message);
    expect(server.requests).toHaveLength(0);
  });
});
