import { readJob, report } from './flags.ts';
import { createJobFetch } from './job-fetch.ts';

try {
  const job = readJob();
  const response = await createJobFetch(job)(job.api);
  console.log(`GET ${job.api} answered ${response.status}: ${await response.text()}`);
  if (!response.ok) process.exitCode = 1;
} catch (error) {
  process.exitCode = report(error);
}
