import { clientCredentials } from '@oa/client-credentials';
import assert from 'node:assert/strict';
import { client, server } from './server.mjs';

const token = await clientCredentials(server, client, { scope: 'read' });
assert.equal(token.scope, 'read');
