// A process that asks a manager for tokens: it prints `ready`, reads its job from stdin, and prints the results as JSON.
import { text } from 'node:stream/consumers';
import type { Job, CallResult } from '../setup.ts';
import { managerFor } from './manager.ts';

process.stdout.write('ready\n');
const job = JSON.parse(await text(process.stdin)) as Job;
const events: string[] = [];
const manager = managerFor(job, (event) => events.push(event.type));

const { target, credentials, more = [], rejected, calls = 1 } = job;
const asked = [...Array.from({ length: calls }, () => ({ target, credentials })), ...more];
const outcomes = await Promise.all(
  asked.map(async (one): Promise<CallResult> => {
    const result = await manager.get(one.target, one.credentials, rejected === undefined ? {} : { rejected });
    return result.ok
      ? { ok: true, access_token: result.value.access_token, events }
      : { ok: false, code: result.error.code, events };
  }),
);
process.stdout.write(JSON.stringify(outcomes));
