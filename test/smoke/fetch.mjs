import { createFetch } from '@oa/fetch';
import assert from 'node:assert/strict';
import { api, client, server } from './server.mjs';

async function source() {
  const body = new URLSearchParams({ ...client, grant_type: 'client_credentials', scope: 'read' });
  return (await fetch(server.token_endpoint, { method: 'POST', body })).json();
}
const response = await createFetch(source, { origins: [new URL(api).origin] })(api);
assert.equal(response.status, 200);
