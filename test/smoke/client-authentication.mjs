import { authenticateClient, isClientRefused } from '@oa/client-authentication';
import assert from 'node:assert/strict';
import { client, server } from './server.mjs';

const url = server.token_endpoint;
const { headers, parameters } = await authenticateClient(server, client, { url });
const body = new URLSearchParams({ ...parameters, grant_type: 'client_credentials' });
const response = await fetch(url, { method: 'POST', headers, body });
assert.equal(response.status, 200);
assert.equal(isClientRefused(new Error('no answer of a server')), false);
