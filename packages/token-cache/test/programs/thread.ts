/** A worker thread that gets a token. */
import { parentPort, workerData } from 'node:worker_threads';
import { getToken, type PipelineTask } from '../pipeline.ts';

const token = await getToken(workerData as PipelineTask);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
parentPort?.postMessage(token.access_token);
