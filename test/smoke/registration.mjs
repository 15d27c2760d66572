import { deleteClient, readClient, registerClient } from '@oa/registration';
import assert from 'node:assert/strict';
import { server } from './server.mjs';

const metadata = { client_name: 'Smoke', redirect_uris: ['http://127.0.0.1/callback'], application_type: 'native' };
const client = await registerClient(server, metadata);
assert.equal((await readClient(client)).client_id, client.client_id);
await deleteClient(client);
