// Run by hostile.test.ts. Sends one request to a URL, and prints the outcome, the time, and the most memory that the process ever held.
import { readFileSync } from 'node:fs';
import { request } from '@oa/http';
import { attempt } from '@oa/types';

const [url = ''] = process.argv.slice(2);
const start = performance.now();
const result = await attempt(request('GET', url, { timeout: 2000, idempotent: false }));
const time = performance.now() - start;
const code = result.ok ? result.value.status : result.error.code;
process.stdout.write(JSON.stringify({ code, time, rss: peakMebibytes() }));

/** On Linux, `maxRSS` starts with the memory of the parent process, so the value of the process itself is read. */
function peakMebibytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
