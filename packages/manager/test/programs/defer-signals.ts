// A process that defers signals while it works.
import { setTimeout as sleep } from 'node:timers/promises';
import { readTask } from '@oa-internal/testing/child';
import { deferSignals } from '../../src/defer-signals.ts';

const { listens } = readTask() as { listens: boolean };
if (listens) process.on('SIGTERM', () => setTimeout(() => process.exit(7), 600));
await deferSignals(async () => {
  process.stdout.write('started ');
  await sleep(400);
  process.stdout.write('finished ');
});
await sleep(5000);
process.stdout.write('went on ');
