// Run by proxy.test.ts and network.test.ts. Sends one GET to a URL, in the environment of the process, and prints the outcome.
import { inspect } from 'node:util';
import { request } from '@oa/http';
import { attempt } from '@oa/types';

const timeout = Number(process.env['ONCE_TIMEOUT'] ?? 10_000);
const result = await attempt(request('GET', process.argv[2] ?? '', { timeout, idempotent: false }));
const outcome = result.ok
  ? { status: result.value.status, text: result.value.text }
  : { ...result.error.toJSON(), inspected: inspect(result.error, { depth: 10, showHidden: true }) };
// The Node.js of today connects without end to a proxy that closes its connections.
process.stdout.write(JSON.stringify(outcome), () => process.exit());
