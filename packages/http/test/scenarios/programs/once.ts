// Run by proxy.test.ts. Sends one GET to a URL, in the environment of the process, and prints the outcome.
import { request } from '@oa/http';
import { attempt } from '@oa/types';

const result = await attempt(request('GET', process.argv[2] ?? '', { timeout: 10_000, idempotent: false }));
process.stdout.write(
  JSON.stringify(result.ok ? { status: result.value.status, text: result.value.text } : result.error),
);
