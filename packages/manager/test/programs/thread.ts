// A worker thread that wants a token.
import { parentPort, workerData } from 'node:worker_threads';
import type { Job } from '../workplace.ts';
import { managerFor } from './manager.ts';

const job = workerData as Job;
const result = await managerFor(job, () => {}).get(job.target, job.credentials);
parentPort?.postMessage(result.ok ? result.value.access_token : result.error.code);
