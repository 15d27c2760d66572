/** Waits for the others, gets a token, and prints which, or the code of the error. SIGTERM ends its waiting, not its request. */
import { barrier, monotonic, readTask } from '@oa-internal/processes/child';
import { isOAuthError } from '@oa/types';
import { getToken, type PipelineTask } from '../pipeline.ts';

const task = readTask() as PipelineTask & { go: string };
process.stdout.write('ready\n');
await barrier(task.go);
const terminated = new Promise<never>((_, reject) => {
  process.once('SIGTERM', () => reject(new Error('terminated')));
});
try {
  const token = await Promise.race([getToken(task), terminated]);
  process.stdout.write(`token ${token.access_token} ${monotonic()}\n`);
} catch (error) {
  process.stdout.write(`error ${isOAuthError(error) ? error.code : (error as Error).message} ${monotonic()}\n`);
}
