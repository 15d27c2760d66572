import { introspect, readIdToken, userInfo } from '@oa/identity';
import { login } from '@oa/loopback';
import assert from 'node:assert/strict';
import { client, server, user } from './server.mjs';

const token = await login(server, user, { scope: 'openid' });
const { sub } = await readIdToken(token, { server, client_id: user.client_id, verify: 'signature' });
assert.equal(sub, (await userInfo(server, token)).sub);
assert.equal(typeof (await introspect(server, client, token.access_token)).active, 'boolean');
