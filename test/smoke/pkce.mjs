import { authorizationUrl, createPkce, exchangeCode, readCallback } from '@oa/pkce';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { ask, server, user } from './server.mjs';

const listener = createServer((_request, response) => response.end('You can close this page.')).listen(0, '127.0.0.1');
await once(listener, 'listening');
const redirect_uri = `http://127.0.0.1:${listener.address().port}/callback`;

const { code_verifier, code_challenge } = await createPkce();
const state = crypto.randomUUID();
ask('log in', authorizationUrl(server, user, { redirect_uri, state, code_challenge, scope: 'openid' }).href);
const [request] = await once(listener, 'request');
const code = readCallback(new URL(request.url, redirect_uri), { state, server });
const token = await exchangeCode(server, user, { code, code_verifier, redirect_uri });
assert.equal(token.token_type, 'Bearer');
listener.close();
