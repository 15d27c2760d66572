// A worker thread that wants a token: it leaves its answer as its exit code, 0 for the token that was expected.
import { workerData } from 'node:worker_threads';
import type { Job } from '../setup.ts';
import { managerFor } from './manager.ts';

const { job, expected } = workerData as { job: Job; expected: string };
const result = await managerFor(job, () => {}).get(job.target, job.credentials);
process.exitCode = result.ok && result.value.access_token === expected ? 0 : 1;
