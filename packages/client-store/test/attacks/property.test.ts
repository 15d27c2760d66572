import { fileClientStore } from '@oa/client-store';
import type { Client } from '@oa/types';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ISSUER, useStore, writeContent } from '../setup.ts';

const fixture = useStore();
const runs = Number(process.env['OA_FUZZ_RUNS'] ?? 100);
const OTHER = 'https://other.example';

const value = fc.oneof(
  fc.string(),
  fc.constantFrom('c', 'http://127.0.0.1:99999/callback', 's'.repeat(20_000)),
  fc.double(),
  fc.array(fc.oneof(fc.string(), fc.nat()), { maxLength: 3 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const member = fc.constantFrom(
  'client_id',
  'client_secret',
  'client_secret_expires_at',
  'redirect_uris',
  'registration_client_uri',
  'token_endpoint_auth_method',
  '__proto__',
  'constructor',
);
const entry = fc.oneof(fc.dictionary(member, value, { maxKeys: 6 }), fc.jsonValue());

it('property: whatever is in the file and in a registration, other clients are served and stored', async () => {
  await fc.assert(
    fc.asyncProperty(entry, entry, fc.string({ minLength: 1 }), async (stored, registered, issuer) => {
      const { path, store } = fixture;
      writeContent(fixture, JSON.stringify({ [issuer]: stored, [OTHER]: { client_id: 'other' } }));
      const needed = { redirect_uris: ['http://127.0.0.1/callback'] };
      const error: unknown = await store
        .getOrRegister(issuer, async () => registered as unknown as Client, needed)
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      // Only what is no client at all is an error, of the caller.
      expect(error === undefined || error instanceof TypeError).toBe(true);
      await store.remove(issuer);
      await store.store(ISSUER, { client_id: 'mine' });
      const other = fileClientStore({ path });
      expect(await other.lookup(ISSUER)).toEqual({ client_id: 'mine' });
      expect(await other.lookup(OTHER)).toEqual(issuer === OTHER ? undefined : { client_id: 'other' });
    }),
    { numRuns: runs },
  );
}, 600_000);
