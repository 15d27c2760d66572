import { fileClientStore } from '@oa/client-store';
import assert from 'node:assert/strict';

const registered = { client_id: 'registered' };
const first = await fileClientStore({ app: 'smoke' }).getOrRegister('https://as.example', async () => registered);
const second = await fileClientStore({ app: 'smoke' }).getOrRegister('https://as.example', assert.fail);
assert.deepEqual([first.client_id, second.client_id], ['registered', 'registered']);
