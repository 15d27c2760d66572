import { inspectAll } from '@oa-internal/testing';
import * as fc from 'fast-check';
import { attempt } from '@oa/types';
import { looseObject, string } from 'valibot';
import { expect, it } from 'vitest';
import { postForm } from '@oa/http';

/** `OA_FUZZ_RUNS=10000` for the long run. */
const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 200);
const schema = looseObject({ access_token: string() });
const SECRET = 'the-secret-7c1f';

const bytes = fc.uint8Array({ maxLength: 400 });
const text = fc.json().map((json) => new TextEncoder().encode(json));
const echo = fc
  .tuple(fc.string(), fc.string(), fc.constantFrom('error', 'error_description', 'message', 'access_token'))
  .map(([before, after, name]) => JSON.stringify({ error: 'x', [name]: `${before}${SECRET}${after}` }))
  .map((json) => new TextEncoder().encode(json));
const answer = fc.record({
  body: fc.oneof(bytes, text, echo),
  status: fc.oneof(fc.constant(200), fc.integer({ min: 200, max: 599 })),
  type: fc.oneof(fc.constantFrom('application/json', 'text/html', 'text/plain'), fc.constant('')),
  header: fc.oneof(fc.nat().map(String), fc.string({ unit: fc.constantFrom(...'0123456789 :,GMTSunNov-'.split('')) })),
});

it(
  'turns every answer into the value in it, or into an OAuthError without the secret (RFC 6749 section 5)',
  { timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(answer, async ({ body, status, type, header }) => {
        const fetch = async (): Promise<Response> => {
          const headers = { 'content-type': type, 'retry-after': header };
          return new Response([204, 205, 304].includes(status) ? null : body, { status, headers });
        };
        const result = await attempt(postForm('https://as.example/', { code: SECRET }, schema, { fetch }));
        const original = new TextDecoder().decode(body);
        return result.ok
          ? (JSON.parse(original) as { access_token: string }).access_token === result.value.access_token
          : !inspectAll(result.error).includes(SECRET) &&
              /^[\x20-\x7e]+$/.test(result.error.message) &&
              Number.isFinite(result.error.retryAfter ?? 0);
      }),
      { numRuns: runs },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  },
);
