import { createSingleFlight, sleep } from '@oa/mechanisms';
import assert from 'node:assert/strict';

const flights = createSingleFlight();
let loads = 0;
async function load(signal) {
  loads += 1;
  await sleep(1, signal);
  return 'loaded';
}
const results = await Promise.all([flights.run('key', load), flights.run('key', load)]);
assert.deepEqual([results, loads], [['loaded', 'loaded'], 1]);
