import { requestToken, revokeToken } from '@oa/token-endpoint';
import assert from 'node:assert/strict';
import { client, server } from './server.mjs';

const token = await requestToken(server, client, { grant_type: 'client_credentials', scope: 'read' });
assert.equal(token.scope, 'read');
await revokeToken(server, client, token);
