import { fileTokenCache, tokenKey } from '@oa/token-cache';
import assert from 'node:assert/strict';

const key = tokenKey({ issuer: 'https://as.example', client_id: 'c', grant_type: 'client_credentials' });
const expires_at = Math.floor(Date.now() / 1000) + 3600;
await fileTokenCache({ app: 'smoke' }).set(key, { access_token: 'kept', token_type: 'Bearer', expires_at });
assert.equal((await fileTokenCache({ app: 'smoke' }).get(key))?.access_token, 'kept');
