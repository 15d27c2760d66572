import { postgresStore, tableStatement } from '@oa/store-postgres';
import assert from 'node:assert/strict';

assert.match(tableStatement(), /^create table if not exists "oa_tokens" \(/);
assert.throws(() => postgresStore({ pool: 'postgres://localhost' }), TypeError);
const refused = Object.assign(new Error('a secret text'), { code: 'ECONNREFUSED' });
const store = postgresStore({ pool: { connect: async () => Promise.reject(refused), on: () => undefined } });
await assert.rejects(async () => store.get('key'), { code: 'storage_unavailable', retryable: true });
