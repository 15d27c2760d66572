/**
 * Waits for the other processes, gets a token from a manager, and prints it, or the code of the error. It prints `waiting` when it
 * waits for the lock. SIGTERM ends the wait for the token, not the request. With `pause` the program stops in the middle of the
 * refresh, and prints that.
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { barrier, readTask } from '@oa-internal/testing/child';
import { createManager } from '@oa/manager';
import { isOAuthError, type OAuthEvent } from '@oa/types';
import type { GetTask, Pause } from '../sandbox.ts';

const PAUSE_MS = 120_000;
const task = readTask() as GetTask & { issuer: string; client_id: string; go: string };

function announce(pause: Pause): boolean {
  if (task.pause === pause) writeSync(1, `paused ${pause}\n`);
  return task.pause === pause;
}

const pausingFetch: typeof fetch = async (input, init) => {
  if (announce('before the request')) await sleep(PAUSE_MS);
  const response = await fetch(input, init);
  if (announce('before the write')) await sleep(PAUSE_MS);
  return response;
};

function onEvent({ type }: OAuthEvent): void {
  if (type === 'waiting') process.stdout.write('waiting\n');
  // Emitted after the write and before the lock is released.
  if (type === 'refreshed' && announce('after the write'))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}

process.stdout.write('ready\n');
await barrier(task.go);
const abort = new AbortController();
// While a program listens for a signal itself, the manager leaves the decision to it.
process.on('SIGTERM', () => abort.abort(new Error('terminated')));
const manager = createManager({
  app: 'scenario',
  interaction: 'never',
  fetch: task.pause === undefined ? undefined : pausingFetch,
  onEvent,
});
const secret = task.grant === 'client_credentials' ? (task.secret ?? 's') : undefined;
try {
  const server = { issuer: task.issuer, token_endpoint: task.endpoint };
  const credentials = { client_id: task.client_id, client_secret: secret };
  const token = await manager.getToken(server, credentials, { signal: abort.signal });
  process.stdout.write(`token ${token.access_token}\n`);
} catch (error) {
  process.stdout.write(`error ${isOAuthError(error) ? error.code : (error as Error).message}\n`);
}
