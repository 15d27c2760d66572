import { createManager } from '@oa/manager';
import assert from 'node:assert/strict';
import { client, server, user } from './server.mjs';

const app = 'smoke';
const job = await createManager({ app }).getToken(server.issuer, client);
assert.deepEqual(await createManager({ app }).source(server.issuer, client)(), job);

const credentials = { ...user, scope: 'openid offline_access', parameters: { prompt: 'consent' } };
const login = await createManager({ app }).getToken(server.issuer, credentials);
const renewed = await createManager({ app }).getToken(server.issuer, credentials, { rejected: login.access_token });
assert.notEqual(renewed.access_token, login.access_token);
assert.equal((await createManager({ app }).sessions()).value.length, 2);
await createManager({ app }).logout(server.issuer, credentials);
assert.equal((await createManager({ app }).sessions()).value.length, 1);
