/** Waits for the other processes, gets the client of an issuer or registers one, and prints its identifier. */
import { barrier, readTask } from '@oa-internal/testing/child';
import { fileClientStore } from '@oa/client-store';
import type { Client } from '@oa/types';

const task = readTask() as { path: string; endpoint: string; go: string };
process.stdout.write('ready\n');
await barrier(task.go);
const client = await fileClientStore({ path: task.path }).getOrRegister('https://as.example', async () => {
  const response = await fetch(task.endpoint, { method: 'POST', body: '{}' });
  return (await response.json()) as Client;
});
process.stdout.write(`client ${client.client_id}\n`);
