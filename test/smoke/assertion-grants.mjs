import { exchangeToken, idJag, jwtBearer } from '@oa/assertion-grants';
import assert from 'node:assert/strict';
import { client, idToken, server } from './server.mjs';

// The server is the identity provider and the server of the other application.
const assertion = idJag({ idp: server, client, subject: idToken, scope: 'read' });
const token = await jwtBearer(server, client, { assertion, scope: 'read' });
assert.equal(token.scope, 'read');
const type = 'urn:ietf:params:oauth:token-type:access_token';
const subject = { subject_token: token.access_token, subject_token_type: type };
assert.equal((await exchangeToken(server, client, subject)).issued_token_type, type);
