import { login } from '@oa/loopback';
import assert from 'node:assert/strict';
import { server, user } from './server.mjs';

const token = await login(server, user, { scope: 'openid read' });
assert.equal(token.token_type, 'Bearer');
