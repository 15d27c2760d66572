import { isMainThread, threadId, Worker } from 'node:worker_threads';
import { createManager } from '@oa/manager';

const { OA_ISSUER = '', OA_CLIENT_ID = '', OA_CLIENT_SECRET = '' } = process.env;

if (isMainThread) for (let thread = 0; thread < 8; thread += 1) startThread();
else await work();

function startThread(): void {
  new Worker(new URL(import.meta.url)).on('error', ({ message }) => {
    console.error(message);
    process.exitCode = 1;
  });
}

async function work(): Promise<void> {
  // Threads with the same `app` and credentials share one token, as processes do.
  const manager = createManager({ app: 'my-service' });
  const credentials = { client_id: OA_CLIENT_ID, client_secret: OA_CLIENT_SECRET, scope: 'read' };
  const token = await manager.getToken(OA_ISSUER, credentials);
  console.log(`Thread ${threadId} has a token until ${token.expires_at}.`);
}
