import { assertDpopToken, createDpop, createDpopKey } from '@oa/dpop';
import { createFetch } from '@oa/fetch';
import { requestToken } from '@oa/token-endpoint';
import assert from 'node:assert/strict';
import { api, client, server } from './server.mjs';

const dpop_key = await createDpopKey();
const authentication = (await createDpop(dpop_key)).authentication();
const token = await requestToken(server, client, { grant_type: 'client_credentials' }, { authentication });
assertDpopToken(server, token, true);
const response = await createFetch(async () => ({ ...token, dpop_key }))(api);
assert.equal(response.status, 200);
