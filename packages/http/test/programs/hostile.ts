// Run by hostile.test.ts: sends one request to the URL it is given, and tells the outcome, the time, and the most memory it ever held.
import { readFileSync } from 'node:fs';
import { request } from '@oa/http';
import { attempt } from '@oa/types';

const [url = ''] = process.argv.slice(2);
const start = performance.now();
const result = await attempt(request('GET', url, { timeout: 2000, idempotent: false }));
const time = performance.now() - start;
const code = result.ok ? result.value.status : result.error.code;
process.stdout.write(JSON.stringify({ code, time, rss: peak() }));

/** MiB. On Linux `maxRSS` starts with what the process that started this one held, so its own is read. */
function peak(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}
