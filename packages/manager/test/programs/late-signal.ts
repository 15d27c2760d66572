import { writeSync } from 'node:fs';
import { deferSignals } from '../../src/defer-signals.ts';

await deferSignals(async () => {
  writeSync(1, 'blocked');
  // A signal arrives meanwhile, and the work ends in the same turn of the event loop.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
});
// Where the signal was lost, the program goes on.
setTimeout(() => process.exit(7), 2000);
