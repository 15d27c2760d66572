/** Waits for the others, gets a token, and prints when it had the lock, and which token, or the code of the error. SIGTERM ends its waiting, not its request. */
import { barrier, monotonicMs, readTask } from '@oa-internal/testing/child';
import { isOAuthError } from '@oa/types';
import { getToken, type PipelineTask } from '../pipeline.ts';

const task = readTask() as PipelineTask & { go: string };
process.stdout.write('ready\n');
await barrier(task.go);
const locked = (): void => void process.stdout.write(`locked ${monotonicMs()}\n`);
const terminated = new Promise<never>((_, reject) => {
  process.once('SIGTERM', () => reject(new Error('terminated')));
});
try {
  const token = await Promise.race([getToken(task, undefined, locked), terminated]);
  process.stdout.write(`token ${token.access_token} ${monotonicMs()}\n`);
} catch (error) {
  process.stdout.write(`error ${isOAuthError(error) ? error.code : (error as Error).message} ${monotonicMs()}\n`);
}
