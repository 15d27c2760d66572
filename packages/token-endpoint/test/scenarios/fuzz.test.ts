import { inspectAll } from '@oa-internal/testing';
import * as fc from 'fast-check';
import { attempt, type Client } from '@oa/types';
import { expect, it } from 'vitest';
import { refreshToken, requestToken, revokeToken } from '@oa/token-endpoint';

/** `OA_FUZZ_RUNS=10000` for the long run. */
const numRuns = Number(process.env['OA_FUZZ_RUNS'] ?? 200);
const server = {
  issuer: 'https://as.example',
  token_endpoint: 'https://as.example/token',
  revocation_endpoint: 'https://as.example/revoke',
};
const client: Client = { client_id: 'c', client_secret: 'planted-secret/+1' };
const old = { access_token: 'planted-at', token_type: 'Bearer', refresh_token: 'planted-rt', scope: 'a' };

const value = fc.oneof(
  fc.string(),
  fc.nat(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 2 }),
);
const tokenLike = fc.record(
  {
    access_token: fc.oneof(fc.string(), fc.constant('good-token'), value),
    token_type: fc.oneof(fc.constantFrom('Bearer', 'bearer', 'mac', ''), value),
    expires_in: value,
    expires_at: value,
    refresh_token: value,
    scope: value,
    error: value,
    error_description: fc.oneof(value, fc.constant('planted-secret/+1 planted-rt')),
    ['__proto__']: value,
  },
  { requiredKeys: [] },
);
const body = fc.oneof(tokenLike, fc.jsonValue()).map((json) => JSON.stringify(json));
const answer = fc.record({ body, status: fc.oneof(fc.constant(200), fc.constantFrom(400, 401, 403, 500)) });

it('returns no token that the response did not hold, and no error with a secret', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(answer, fc.boolean(), async ({ body, status }, isRefresh) => {
      const fetch = async (): Promise<Response> =>
        new Response(body, { status, headers: { 'content-type': 'application/json' } });
      const result = await attempt(
        isRefresh
          ? refreshToken(server, client, old, {}, { fetch })
          : requestToken(server, client, { grant_type: 'client_credentials' }, { fetch }),
      );
      if (!result.ok) {
        const text = inspectAll(result.error);
        const sent = isRefresh ? ['planted-secret/+1', 'planted-rt'] : ['planted-secret/+1'];
        return sent.every((secret) => !text.includes(secret));
      }
      const sent = JSON.parse(body) as Record<string, unknown>;
      const { access_token, refresh_token, expires_at, token_type } = result.value;
      return (
        status === 200 &&
        access_token === sent['access_token'] &&
        /^[\x20-\x7e]+$/.test(access_token) &&
        token_type === 'Bearer' &&
        (refresh_token === sent['refresh_token'] || (isRefresh && refresh_token === 'planted-rt') || !refresh_token) &&
        (expires_at === undefined || Number.isSafeInteger(expires_at))
      );
    }),
    { numRuns },
  );
  expect(Object.keys(Object.prototype)).toEqual([]);
});

it(
  'a revocation succeeds or rejects with an OAuthError without a secret, whatever the answer',
  { timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(answer, fc.string({ unit: 'binary' }), fc.boolean(), async ({ body, status }, text, isText) => {
        const fetch = async (): Promise<Response> => new Response(isText ? text : body, { status });
        const result = await attempt(revokeToken(server, client, old, { fetch }));
        if (result.ok) return status === 200 || isKnownRefusal(body);
        const shown = inspectAll(result.error);
        return ['planted-secret/+1', 'planted-rt', 'planted-at'].every((secret) => !shown.includes(secret));
      }),
      { numRuns },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  },
);

/** RFC 7009 section 2.2: a token that the server does not know is revoked. */
function isKnownRefusal(body: string): boolean {
  return (JSON.parse(body) as { error?: unknown } | null)?.error === 'invalid_token';
}
