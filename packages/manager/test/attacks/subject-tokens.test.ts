// A token that was issued for one subject must never reach the caller of another one.
import { createManager, type Credentials, type Manager } from '@oa/manager';
import type { AssertionSource } from '@oa/types';
import { JWT_BEARER_GRANT_TYPE, TOKEN_EXCHANGE_GRANT_TYPE } from '@oa/types/rfc';
import type { RecordedRequest, Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { describe, expect, it } from 'vitest';
import { bearer, startScripted } from '../setup.ts';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

/** What the server knows of a request. The access token says all of it. */
function toAccessToken({ form, headers }: RecordedRequest, issuer = ''): string {
  const about = [...form].filter(([name]) => name !== 'grant_type').map((pair) => pair.join('='));
  return [issuer, headers.authorization ?? '', ...about].join(' ');
}

/** A server whose tokens say what they are for. It refuses some assertions. */
async function startServer(...refused: string[]) {
  const started = await startScripted();
  const { server } = started;
  let count = 0;
  server.script({
    '/token': (request): Reply => {
      const subject = subjectOf(request);
      if (refused.includes(subject)) return { status: 400, json: { error: 'invalid_grant' } };
      count += 1;
      const access_token = encodeURI(`${toAccessToken(request, server.origin)} #${count}`);
      return bearer(access_token, { issued_token_type: ACCESS_TOKEN });
    },
  });
  return started;
}

function subjectOf({ form }: RecordedRequest): string {
  return form.get('assertion') ?? form.get('subject_token') ?? '';
}

type Given = string | AssertionSource;
const grants = [
  { grant: 'jwt-bearer', by: (assertion: Given): Credentials => ({ grant_type: JWT_BEARER_GRANT_TYPE, assertion }) },
  {
    grant: 'token-exchange',
    by: (subject_token: Given): Credentials => ({
      grant_type: TOKEN_EXCHANGE_GRANT_TYPE,
      subject_token,
      subject_token_type: JWT,
      client_id: 'c',
    }),
  },
];

/** Yields one assertion after the other, and the last one from then on. */
function yielding(...assertions: string[]): AssertionSource {
  return async () => (assertions.length > 1 ? assertions.shift() : assertions[0]) ?? '';
}

/** Waits for a moment, so that calls of other subjects run between. */
function slowly(source: AssertionSource): AssertionSource {
  return async (request) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    return source(request);
  };
}

function isAbout(token: string, subject: string): boolean {
  return decodeURI(token)
    .split(' ')
    .some((part) => part.endsWith(`=${subject}`));
}

describe.each(grants)('$grant', ({ by }) => {
  /** The subject of the token, or the code of the error. */
  async function call(manager: Manager, metadata: object, given: Given, subjects: string[]): Promise<string> {
    const result = await manager.get(metadata as never, by(given));
    if (!result.ok) return result.error.code;
    return subjects.find((each) => isAbout(result.value.access_token, each)) ?? 'another';
  }

  it('keeps subjects apart whose tokens have the same length, prefix and suffix, with calls of all at a time', async () => {
    const { server, metadata } = await startServer();
    const manager = createManager();
    const prefix = 'e'.repeat(500);
    const subjects = Array.from({ length: 50 }, (_, index) => `${prefix}${String(index).padStart(3, '0')}${prefix}`);
    const calls = Array.from({ length: 10 }, () => subjects)
      .flat()
      .toSorted(() => Math.random() - 0.5);
    const given = (subject: string, index: number): Given => (index % 2 === 0 ? subject : slowly(yielding(subject)));
    const got = await Promise.all(
      calls.map((subject, index) => call(manager, metadata, given(subject, index), subjects)),
    );
    expect(got).toEqual(calls);
    expect(server.requestsTo('/token')).toHaveLength(50);
  });

  it('keeps apart what differs by case, and by characters that look alike', async () => {
    const { server, metadata } = await startServer();
    const manager = createManager();
    const subjects = ['ada', 'Ada', 'аda', 'ada\u0000', 'ada\u200b', '"ada"', 'é', 'e\u0301'];
    const tokens = await Promise.all(subjects.map((each) => manager.getToken(metadata, by(each))));
    expect(new Set(server.requestsTo('/token').map(subjectOf))).toEqual(new Set(subjects));
    expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(subjects.length);
  });

  it('renews the token of the subject that was rejected, and of no other one', async () => {
    const { server, metadata } = await startServer();
    const manager = createManager();
    const [ada, grace] = await Promise.all(['ada', 'grace'].map((each) => manager.getToken(metadata, by(each))));
    const renewed = await manager.getToken(metadata, by('ada'), { rejected: ada?.access_token ?? '' });
    expect(isAbout(renewed.access_token, 'ada')).toBe(true);
    // The refused token of another subject says nothing about this one.
    const other = await manager.getToken(metadata, by('grace'), { rejected: renewed.access_token });
    expect(other).toEqual(grace);
    expect(server.requestsTo('/token').map(subjectOf)).toEqual(['ada', 'grace', 'ada']);
  });

  it('returns the scopes that one subject has stepped up to only to that subject', async () => {
    const { server, metadata } = await startServer();
    const manager = createManager({ stepUp: ['write'] });
    const [ada, grace] = ['ada', 'grace'].map((each) => manager.source(metadata, { ...by(each), scope: 'read' }));
    await ada?.();
    await ada?.({ scope: 'write' });
    const token = await grace?.();
    expect(isAbout(token?.access_token ?? '', 'grace')).toBe(true);
    expect(server.requestsTo('/token').map((request) => [subjectOf(request), request.form.get('scope')])).toEqual([
      ['ada', 'read'],
      ['ada', 'read write'],
      ['grace', 'read'],
    ]);
    const second = await grace?.({ scope: 'write' });
    expect(isAbout(second?.access_token ?? '', 'grace')).toBe(true);
  });

  it('keeps issuers, clients, audiences, resources and profiles of one subject apart', async () => {
    const [first, second] = [await startServer(), await startServer()];
    const manager = createManager();
    const variations: Credentials[] = [
      { client_id: 'c' },
      { client_id: 'd' },
      { client_id: 'c', client_secret: 's' },
      { client_id: 'c', audience: 'https://api.example/' },
      { client_id: 'c', resource: 'https://api.example/' },
      { client_id: 'c', resource: ['https://api.example/', 'https://other.example/'] },
      { client_id: 'c', scope: 'https://api.example/' },
      { client_id: 'c', profile: 'https://api.example/' },
      { client_id: 'c', parameters: { tenant: 'https://api.example/' } },
    ];
    const calls = [first, second].flatMap(({ metadata }) =>
      ['ada', 'grace'].flatMap((subject) => variations.map((more) => ({ metadata, subject, more }))),
    );
    const ask = async ({ metadata, subject, more }: (typeof calls)[number]) =>
      (await manager.getToken(metadata, { ...by(subject), ...more })).access_token;
    const tokens = await Promise.all(calls.map(ask));
    for (const [index, { metadata, subject }] of calls.entries()) {
      expect(tokens[index]).toContain(metadata.issuer);
      expect(isAbout(tokens[index] ?? '', subject)).toBe(true);
    }
    expect(await Promise.all(calls.map(ask))).toEqual(tokens);
    // A secret is no part of the key: it is how the same client authenticates.
    expect(new Set(tokens).size).toBe(calls.length - 4);
  });

  describe('after a refusal, where the source yields the token of another subject', () => {
    const SUBJECTS = ['ada', 'grace', 'joan'];

    it('returns that token to that caller, and to no caller with the refused one', async () => {
      const { server, metadata } = await startServer('ada');
      const manager = createManager();
      expect(await call(manager, metadata, yielding('ada', 'grace'), SUBJECTS)).toBe('grace');
      expect(await call(manager, metadata, 'ada', SUBJECTS)).toBe('oauth_error');
      expect(await call(manager, metadata, 'grace', SUBJECTS)).toBe('grace');
      expect(server.requestsTo('/token').map(subjectOf)).toEqual(['ada', 'grace', 'ada']);
    });

    it('tells callers apart that began with the same token at the same time', async () => {
      const { metadata } = await startServer('ada');
      const manager = createManager();
      const given = [yielding('ada', 'grace'), 'ada', yielding('ada', 'joan'), yielding('ada')];
      const got = await Promise.all(given.map((each) => call(manager, metadata, each, SUBJECTS)));
      expect(got).toEqual(['grace', 'oauth_error', 'joan', 'oauth_error']);
    });

    it('does so for a token that has expired and is not sent', async () => {
      const { server, metadata } = await startServer();
      const expired = ['{"alg":"none"}', '{"sub":"ada","exp":1}', 's']
        .map((part) => Buffer.from(part).toString('base64url'))
        .join('.');
      const manager = createManager();
      expect(await call(manager, metadata, yielding(expired, 'grace'), SUBJECTS)).toBe('grace');
      expect(await call(manager, metadata, expired, SUBJECTS)).toBe('assertion_unavailable');
      expect(server.requestsTo('/token').map(subjectOf)).toEqual(['grace']);
    });

    it('asks the source once more, and keeps the refusal if it has no other one', async () => {
      const { server, metadata } = await startServer('ada', 'grace');
      const asked: (string | undefined)[] = [];
      const source: AssertionSource = async ({ rejected }) => {
        asked.push(rejected);
        return rejected === undefined ? 'ada' : 'grace';
      };
      expect(await createManager().get(metadata, by(source))).toMatchObject({
        ok: false,
        error: { code: 'oauth_error', error: 'invalid_grant' },
      });
      expect(asked).toEqual([undefined, 'ada']);
      expect(server.requestsTo('/token').map(subjectOf)).toEqual(['ada', 'grace']);
    });

    it('is right for login too, which makes a new grant', async () => {
      const { metadata } = await startServer('ada');
      const manager = createManager();
      const result = await manager.login(metadata, by(yielding('ada', 'grace')));
      expect(result.ok && isAbout(result.value.access_token, 'grace')).toBe(true);
      expect(await call(manager, metadata, 'ada', SUBJECTS)).toBe('oauth_error');
    });
  });

  it('lets the caller give two subjects one label: they are one for the cache', async () => {
    const { server, metadata } = await startServer();
    const manager = createManager();
    const labelled = (given: string, subject: string) => manager.getToken(metadata, { ...by(given), subject });
    const tokens = [await labelled('ada', 'x'), await labelled('grace', 'x'), await labelled('grace', 'y')];
    expect(tokens[1]).toEqual(tokens[0]);
    expect(isAbout(tokens[2]?.access_token ?? '', 'grace')).toBe(true);
    // A label is no digest of a token, and none of a token is a label.
    expect(await call(manager, metadata, 'x', ['x'])).toBe('x');
    expect(server.requestsTo('/token').map(subjectOf)).toEqual(['ada', 'grace', 'x']);
  });
});

it('takes the same text as an assertion and as subject tokens of two types for three subjects', async () => {
  const { server, metadata } = await startServer();
  const manager = createManager();
  const exchange = { grant_type: TOKEN_EXCHANGE_GRANT_TYPE, subject_token: 'ada', client_id: 'c' } as const;
  const credentials: Credentials[] = [
    { grant_type: JWT_BEARER_GRANT_TYPE, assertion: 'ada', client_id: 'c' },
    { ...exchange, subject_token_type: JWT },
    { ...exchange, subject_token_type: ACCESS_TOKEN },
    { grant_type: JWT_BEARER_GRANT_TYPE, assertion: 'ada' },
  ];
  const ask = () => Promise.all(credentials.map((each) => manager.getToken(metadata, each)));
  const tokens = await ask();
  expect(new Set(tokens.map(({ access_token }) => access_token)).size).toBe(credentials.length);
  expect(await ask()).toEqual(tokens);
  expect(requestCount(server)).toBe(credentials.length);
});

function requestCount(server: ScriptedServer): number {
  return server.requestsTo('/token').length;
}
