// The storage's fault tests with full counts: `pnpm torture`, 10 minutes at most. Ends with the table of @oa/private-file's README,
// and with a code other than 0 when a figure is off.
import { setTimeout as sleep } from 'node:timers/promises';
import { startScriptedServer } from '../internal/scripted-server/src/index.ts';
import { registerTogether } from '../packages/client-store/test/scenarios.ts';
import { blockHolder, countTogether, killWriters, type Counted } from '../packages/private-file/test/scenarios.ts';
import { allAtOnce, expired, place, startRotatingServer } from '../packages/token-cache/test/scenarios.ts';

/** Milliseconds that the other locks get: some would take many minutes. */
const LIMIT = 35_000;
/** Milliseconds from a kill to the next holder, at most. */
const RECOVERY = 250;
const started = performance.now();
let failures = 0;

function report(what: string, figures: Record<string, unknown>, right: boolean): void {
  if (!right) failures += 1;
  const text = Object.entries(figures).map(([name, value]) => `${name} ${String(value)}`);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${right ? 'ok ' : 'OFF'} ${String(seconds).padStart(4)} s  ${what}: ${text.join(', ')}`);
}

async function processes(): Promise<void> {
  await using as = await startRotatingServer(200);
  using at = place();
  await at.store(expired);
  const task = { endpoint: as.endpoint, grant: 'refresh_token' } as const;
  const refreshed = await allAtOnce(at, 50, task);
  const succeeded = refreshed.filter((answer) => answer === 'token at-1-s3cret').length;
  const requests = as.server.requests.length;
  report(
    '50 processes, one expired rotating refresh token',
    { requests, reused: as.reused(), succeeded },
    requests === 1 && as.reused() === 0 && succeeded === 50,
  );

  await using empty = await startRotatingServer(200);
  using fresh = place();
  const obtained = await allAtOnce(fresh, 50, { endpoint: empty.endpoint, grant: 'client_credentials' });
  const same = obtained.filter((answer) => answer === 'token at-1-s3cret').length;
  const asked = empty.server.requests.length;
  report('50 processes, empty cache', { requests: asked, succeeded: same }, asked === 1 && same === 50);

  await using down = await startScriptedServer({ '/token': { status: 503, json: {}, delay: 500 } });
  using kept = place();
  await kept.store(expired);
  const refused = await allAtOnce(kept, 50, { endpoint: `${down.origin}/token`, grant: 'refresh_token' });
  const typed = refused.filter((answer) => answer === 'error http_error').length;
  const stored = (await kept.stored())?.refresh_token === expired.refresh_token;
  const sent = down.requests.length;
  report(
    '50 processes, the server answers 503',
    { requests: sent, typed, 'token kept': stored },
    sent <= 3 && typed === 50 && stored,
  );

  const { answers, registrations } = await registerTogether(20);
  const registered = answers.filter((answer) => answer === 'client c1').length;
  report('20 processes register', { registrations, succeeded: registered }, registrations === 1 && registered === 20);
}

async function stopped(): Promise<void> {
  await using as = await startRotatingServer(1000);
  using at = place();
  await at.store(expired);
  at.release();
  const task = { endpoint: as.endpoint, grant: 'refresh_token' } as const;
  const holder = at.start(task);
  while (as.server.requests.length === 0) await sleep(5);
  holder.kill('SIGSTOP');
  const waiting = Array.from({ length: 5 }, () => at.start(task));
  await sleep(60_000);
  const meanwhile = as.server.requests.length;
  holder.kill('SIGCONT');
  const ends = await Promise.all([holder, ...waiting].map(async (program) => program.ended));
  const succeeded = ends.filter(({ stdout }) => stdout.includes('token at-1-s3cret')).length;
  report(
    'holder stopped for 60 s',
    { requests: meanwhile, reused: as.reused(), succeeded },
    meanwhile === 1 && as.reused() === 0 && succeeded === 6,
  );
}

async function blocked(): Promise<void> {
  const untouched = await blockHolder(10_000);
  report('holder whose event loop is blocked for 10 s', { 'left alone': untouched }, untouched);
}

async function killed(): Promise<void> {
  const { kills, reads, torn, empty, orphans, unswept } = await killWriters({ writers: 4, kills: 2000 });
  report(
    '4 writers killed again and again',
    { kills, reads, torn, empty, orphans, unswept },
    kills >= 2000 && torn + empty + unswept === 0,
  );
}

async function counting(lock: 'sqlite' | 'none' | 'mtime' | 'pid', keys = 1, limit = 120_000): Promise<Counted> {
  const counted = await countTogether({ processes: 50, rounds: 200, keys, kills: 0.01, lock, limit });
  const { expected, lost, kills, recovery, finished } = counted;
  const own = lock === 'sqlite';
  const slowest = keys === 1 ? { 'slowest recovery': ms(recovery.slowest) } : {};
  report(
    `50 processes x 200 on ${keys} file(s), lock: ${lock}`,
    { written: expected, lost, kills, ...slowest, finished },
    !own || (lost === 0 && finished && recovery.slowest < RECOVERY),
  );
  return counted;
}

function row(name: string, { expected, lost, kills, recovery, finished }: Counted): string {
  const times = kills === 0 ? '-' : `${ms(recovery.median)}, at most ${ms(recovery.slowest)}`;
  const done = finished ? '' : ` (stopped after ${LIMIT / 1000} s)`;
  return `| ${name} | ${lost} of ${expected}${done} | ${kills} | ${times} |`;
}

function ms(time: number): string {
  return `${time.toFixed(0)} ms`;
}

const one = await counting('sqlite');
await counting('sqlite', 50);
await processes();
await Promise.all([stopped(), blocked(), killed()]);
const others = [
  row('O_EXCL file, taken over by pid', await counting('pid', 1, LIMIT)),
  row('O_EXCL file, taken over when 1 s old', await counting('mtime', 1, LIMIT)),
  row('none', await counting('none', 1, LIMIT)),
];
console.log('\n| lock | lost updates | kills | recovery after a kill (median) |\n|---|---|---|---|');
console.log([row('**`withLock`**', one), ...others].join('\n'));
console.log(`\n${failures === 0 ? 'All figures are right.' : `${failures} figures are off.`}`);
process.exitCode = failures === 0 ? 0 : 1;
