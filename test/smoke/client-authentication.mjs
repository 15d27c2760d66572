import { authenticateClient, privateKeyJwt, signJwt } from '@oa/client-authentication';
import { isClientRefused } from '@oa/client-authentication/refusal';
import assert from 'node:assert/strict';
import { client, server } from './server.mjs';

const url = server.token_endpoint;
const { headers, parameters } = await authenticateClient(server, client, { url });
const body = new URLSearchParams({ ...parameters, grant_type: 'client_credentials' });
const response = await fetch(url, { method: 'POST', headers, body });
assert.equal(response.status, 200);
assert.equal(isClientRefused(new Error('no answer of a server')), false);

const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
  'sign',
  'verify',
]);
assert.equal((await signJwt({ typ: 'JWT' }, { iss: 'c' }, privateKey)).split('.').length, 3);
const signed = await authenticateClient(server, client, { authentication: privateKeyJwt(privateKey) });
assert.equal(signed.parameters.client_assertion.split('.').length, 3);
