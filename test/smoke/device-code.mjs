import { awaitDeviceLogin, deviceLoginText, startDeviceLogin } from '@oa/device-code';
import assert from 'node:assert/strict';
import { ask, server, user } from './server.mjs';

const started = await startDeviceLogin(server, user, { scope: 'read' });
assert.match(await deviceLoginText(started), new RegExp(started.user_code));
ask('approve', started.verification_uri_complete);
const token = await awaitDeviceLogin(server, user, started, { onEvent: () => {} });
assert.equal(token.scope, 'read');
