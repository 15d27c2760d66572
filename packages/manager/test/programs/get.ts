// One program that wants a token: what `startProcess` runs.
import { managerFor } from './manager.ts';
import type { Job, Outcome } from '../workplace.ts';

const job = JSON.parse(process.argv[2] ?? '{}') as Job;
const events: string[] = [];
const manager = managerFor(job, (event) => events.push(event.type));

const outcomes = await Promise.all(
  Array.from({ length: job.calls ?? 1 }, async (): Promise<Outcome> => {
    const result = await manager.get(
      job.target,
      job.credentials,
      job.rejected === undefined ? {} : { rejected: job.rejected },
    );
    return result.ok
      ? { ok: true, access_token: result.value.access_token, events }
      : { ok: false, code: result.error.code, events };
  }),
);
process.stdout.write(JSON.stringify(outcomes));
