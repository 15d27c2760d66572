// A worker thread that asks a manager for a token. Its exit code is 0 for the token that the test expects.
import { workerData } from 'node:worker_threads';
import type { Job } from '../setup.ts';
import { managerFor } from './manager.ts';

const { job, expected } = workerData as { job: Job; expected: string };
const result = await managerFor(job, () => {}).get(job.target, job.credentials);
process.exitCode = result.ok && result.value.access_token === expected ? 0 : 1;
