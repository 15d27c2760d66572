/**
 * Gets a token from a manager with a store in PostgreSQL, and prints it, or the code of the error. With `pause` the program waits in the
 * middle of the refresh until there is the file `resume`.
 */
import { writeSync } from 'node:fs';
import { barrier, readTask } from '@oa-internal/testing/child';
import { createManager } from '@oa/manager';
import { postgresStore } from '@oa/store-postgres';
import { isOAuthError } from '@oa/types';
import { Pool } from 'pg';
import type { GetTask } from '../setup.ts';

const { connectionString, target, client_id, go, pause, resume } = readTask() as GetTask;

async function pauseAt(moment: GetTask['pause']): Promise<void> {
  if (pause !== moment) return;
  writeSync(1, `paused ${moment}\n`);
  await barrier(resume);
}

const pausingFetch: typeof fetch = async (input, init) => {
  await pauseAt('before the request');
  const response = await fetch(input, init);
  await pauseAt('before the write');
  return response;
};

const pool = new Pool({ connectionString, max: 2 });
const manager = createManager({
  app: 'scenario',
  cache: postgresStore({ pool }),
  interaction: 'never',
  fetch: pausingFetch,
  onEvent({ type }) {
    process.stdout.write(`${type}\n`);
    // Emitted after the write and before the lock is released.
    if (type !== 'refreshed' || pause !== 'after the write') return;
    writeSync(1, 'paused after the write\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
});
process.stdout.write('ready\n');
await barrier(go);
try {
  const token = await manager.getToken(target, { client_id, scope: 'openid offline_access' });
  process.stdout.write(`token ${token.access_token}\n`);
} catch (error) {
  process.stdout.write(`error ${isOAuthError(error) ? error.code : String(error)}\n`);
}
await pool.end();
