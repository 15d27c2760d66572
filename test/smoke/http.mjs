import { getJson, request } from '@oa/http';
import assert from 'node:assert/strict';
import { server } from './server.mjs';

const url = `${server.issuer}/.well-known/openid-configuration`;
const schema = { '~standard': { version: 1, vendor: 'smoke', validate: (value) => ({ value }) } };
assert.equal((await getJson(url, schema)).token_endpoint, server.token_endpoint);
assert.equal((await request('GET', url)).status, 200);
