import * as fc from 'fast-check';
import { rejectionOf } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { login } from '@oa/loopback';
import { redirectTargets } from '../../src/redirect.ts';
import { metadata } from '../help.ts';

const server = metadata({ origin: 'http://127.0.0.1:1' });

/** What a server can answer to a registration: anything, and what is nearly a loopback redirect URI. */
const registeredUri = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .tuple(
      fc.constantFrom('http://', 'https://', 'HTTP://', ''),
      fc.constantFrom('127.0.0.1', '[::1]', 'localhost', '127.0.0.1.evil.example', 'u@127.0.0.1'),
      fc.oneof(
        fc.constant(''),
        fc.integer({ min: -1, max: 100_000 }).map((port) => `:${port}`),
      ),
      fc.oneof(
        fc.constant(''),
        fc.webPath(),
        fc.string({ unit: 'binary' }).map((path) => `/${path}`),
      ),
      fc.oneof(
        fc.constant(''),
        fc.string({ unit: 'binary' }).map((query) => `?${query}`),
      ),
    )
    .map((parts) => parts.join('')),
);

/** A login with this client that no user takes part in. */
function loginWith(redirect_uris: string[]): Promise<unknown> {
  const options = { openBrowser: () => undefined, print: () => undefined, timeout: 1 };
  return login(server, { client_id: 'x', redirect_uris }, {}, options);
}

it('a port that no URL can have is not registered: no RangeError, and no other port', async () => {
  for (const port of [65_536, 99_999])
    expect(await rejectionOf(loginWith([`http://127.0.0.1:${port}/callback`]))).toMatchObject({
      code: 'client_required',
    });
  const usable = redirectTargets({ client_id: 'x', redirect_uris: ['http://127.0.0.1:65535/callback'] }, undefined);
  expect(usable).toEqual([{ host: '127.0.0.1', port: 65_535, path: '/callback' }]);
});

it('a login rejects with an OAuthError, whatever redirect URIs the server has registered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(registeredUri, { maxLength: 4 }), async (redirect_uris) => {
      // `rejectionOf` throws every other error.
      const { code } = await rejectionOf(loginWith(redirect_uris));
      expect(['client_required', 'login_timeout', 'port_unavailable']).toContain(code);
    }),
    { numRuns: Number(process.env['OA_FUZZ_RUNS'] ?? 200) },
  );
});
