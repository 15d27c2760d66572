// What the storage does when many processes share it, some are killed, stopped or blocked, and file calls fail: `pnpm torture`, about 20
// minutes on 2 cores. Ends with the table of the README of @oa/private-file, and with a code other than 0 if a figure is wrong. `--short`
// runs the same scenarios with a tenth of the processes and rounds, in a minute, to try a change.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startScriptedServer } from '@oa-internal/scripted-server';
// By its path: what the root package depends on, `turbo boundaries` counts as a dependency of every package.
import {
  blockHolder,
  countTogether,
  createSandbox,
  damageEachByte,
  EXPIRED_TOKEN,
  failEachCall,
  failEachImport,
  getTogether,
  killAtEachCall,
  killWriters,
  registerTogether,
  startRotatingServer,
  starve,
  starveTogether,
  storyNames,
  type Counted,
  type FaultReport,
} from '../internal/scenarios/src/index.ts';

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } });
const { short } = values;
const PROCESSES = short ? 5 : 50;
const REGISTERING_PROCESSES = short ? 5 : 20;
const ROUNDS = short ? 20 : 200;
const KILLS = short ? 40 : 2000;
const STOPPED_MS = short ? 5000 : 60_000;
const BLOCKED_MS = short ? 1000 : 10_000;
/** The errors that each file call fails with. */
const FAULT_ERRORS = short ? 1 : 9;
/** The calls at which a process is killed, of each story. */
const FAULT_KILLS = short ? 10 : 1000;
/** The modules that can't be opened, and the steps between the numbers of descriptors that a process gets. */
const FAULT_MODULES = short ? 5 : 30;
const DESCRIPTORS_STEP = short ? 8 : 2;
const STARVED_PROCESSES = short ? 16 : 96;
/** The other locks get this time: some of them would take many minutes. */
const MAX_COMPARISON_MS = short ? 5000 : 35_000;
/** From a kill to the next holder. */
const MAX_RECOVERY_MS = 250;

const started = performance.now();
let failures = 0;

function report(scenario: string, figures: Record<string, unknown>, right: boolean): void {
  if (!right) failures += 1;
  const text = Object.entries(figures).map(([name, value]) => `${name} ${String(value)}`);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${right ? 'ok ' : 'OFF'} ${String(seconds).padStart(4)} s  ${scenario}: ${text.join(', ')}`);
}

function countAnswers(answers: string[], wanted: string): number {
  return answers.filter((answer) => answer === wanted).length;
}

async function refreshTogether(): Promise<void> {
  await using as = await startRotatingServer(200);
  using sandbox = createSandbox();
  await sandbox.store(EXPIRED_TOKEN);
  const answers = await getTogether(sandbox, PROCESSES, { endpoint: as.endpoint, grant: 'refresh_token' });
  const figures = {
    requests: as.server.requests.length,
    reused: as.reused(),
    succeeded: countAnswers(answers, 'token at-1-s3cret'),
  };
  const right = figures.requests === 1 && figures.reused === 0 && figures.succeeded === PROCESSES;
  report(`${PROCESSES} processes, one expired rotating refresh token`, figures, right);
}

async function obtainTogether(): Promise<void> {
  await using as = await startRotatingServer(200);
  using sandbox = createSandbox();
  const answers = await getTogether(sandbox, PROCESSES, { endpoint: as.endpoint, grant: 'client_credentials' });
  const figures = { requests: as.server.requests.length, succeeded: countAnswers(answers, 'token at-1-s3cret') };
  report(`${PROCESSES} processes, empty cache`, figures, figures.requests === 1 && figures.succeeded === PROCESSES);
}

async function failTogether(): Promise<void> {
  await using down = await startScriptedServer({ '/token': { status: 503, json: {}, delay: 1000 } });
  using sandbox = createSandbox();
  await sandbox.store(EXPIRED_TOKEN);
  const answers = await getTogether(sandbox, PROCESSES, { endpoint: `${down.origin}/token`, grant: 'refresh_token' });
  const figures = {
    requests: down.requests.length,
    typed: countAnswers(answers, 'error http_error'),
    'token kept': (await sandbox.stored())?.refresh_token === EXPIRED_TOKEN.refresh_token,
  };
  const right = figures.requests <= 3 && figures.typed === PROCESSES && figures['token kept'];
  report(`${PROCESSES} processes, the server answers 503`, figures, right);
}

async function registerOnce(): Promise<void> {
  const { answers, registrations } = await registerTogether(REGISTERING_PROCESSES);
  const succeeded = countAnswers(answers, 'client c1');
  const right = registrations === 1 && succeeded === REGISTERING_PROCESSES;
  report(`${REGISTERING_PROCESSES} processes register`, { registrations, succeeded }, right);
}

async function stopHolder(): Promise<void> {
  await using as = await startRotatingServer(1000);
  using sandbox = createSandbox();
  await sandbox.store(EXPIRED_TOKEN);
  sandbox.release();
  const task = { endpoint: as.endpoint, grant: 'refresh_token' } as const;
  const holder = sandbox.start(task);
  while (as.server.requests.length === 0) await sleep(5);
  holder.kill('SIGSTOP');
  const waiting = Array.from({ length: 5 }, () => sandbox.start(task));
  await sleep(STOPPED_MS);
  const meanwhile = as.server.requests.length;
  holder.kill('SIGCONT');
  const ends = await Promise.all([holder, ...waiting].map(async (program) => program.ended));
  const figures = {
    requests: meanwhile,
    reused: as.reused(),
    succeeded: ends.filter(({ stdout }) => stdout.includes('token at-1-s3cret')).length,
  };
  const right = figures.requests === 1 && figures.reused === 0 && figures.succeeded === 6;
  report(`holder stopped for ${STOPPED_MS / 1000} s`, figures, right);
}

async function killHolder(): Promise<void> {
  await using as = await startRotatingServer(0);
  using sandbox = createSandbox();
  await sandbox.store(EXPIRED_TOKEN);
  sandbox.release();
  const task = { endpoint: as.endpoint, grant: 'refresh_token' } as const;
  const victim = sandbox.start({ ...task, pause: 'before the request' });
  await victim.printed('paused before the request');
  const waiting = Array.from({ length: 5 }, () => sandbox.start(task));
  await Promise.all(waiting.map((program) => program.printed('ready')));
  victim.kill('SIGKILL');
  const ends = await Promise.all(waiting.map(async (program) => program.ended));
  const figures = {
    requests: as.server.requests.length,
    reused: as.reused(),
    succeeded: ends.filter(({ stdout }) => stdout.includes('token at-1-s3cret')).length,
  };
  const right = figures.requests === 1 && figures.reused === 0 && figures.succeeded === 5;
  report('holder killed before its request', figures, right);
}

async function block(): Promise<void> {
  const untouched = await blockHolder(BLOCKED_MS);
  report(`holder whose event loop is blocked for ${BLOCKED_MS / 1000} s`, { 'keeps the lock': untouched }, untouched);
}

async function killWriting(): Promise<void> {
  const { kills, reads, torn, empty, orphans, unswept } = await killWriters({ writers: 4, kills: KILLS });
  const right = kills >= KILLS && torn + empty + unswept === 0;
  report('4 writers killed again and again', { kills, reads, torn, empty, orphans, unswept }, right);
}

/** Nothing may be wrong. */
function reportProblems(scenario: string, figures: Record<string, unknown>, problems: readonly string[]): void {
  report(scenario, { ...figures, wrong: problems.length }, problems.length === 0);
  for (const problem of problems) console.log(`         ${problem}`);
}

function reportFaults(name: string, { runs, calls, window, problems }: FaultReport): void {
  reportProblems(name, { calls, runs, explained: window.length }, problems);
}

async function failCalls(): Promise<void> {
  for (const story of storyNames) {
    reportFaults(`${story}: each file call fails`, await failEachCall(story, FAULT_ERRORS));
    reportFaults(`${story}: each file call and all later ones fail`, await failEachCall(story, 1, true));
  }
}

async function damageFiles(): Promise<void> {
  for (const file of ['registered.json', 'token'] as const) {
    const { runs, refreshed, problems } = await damageEachByte(file, short ? 60 : 3);
    reportProblems(`${file}: cut and flipped`, { runs, refreshed }, problems);
  }
}

async function starveProcesses(): Promise<void> {
  const { problems, ...figures } = await starveTogether(STARVED_PROCESSES);
  const name = `${STARVED_PROCESSES} processes with few descriptors share a session`;
  reportProblems(name, figures, problems);
}

/** One after the other: a part of each story is told in this process. */
async function killCalls(): Promise<void> {
  for (const story of storyNames) {
    reportFaults(`${story}: killed at each file call`, await killAtEachCall(story, FAULT_KILLS));
    reportFaults(`${story}: each module can't be opened`, await failEachImport(story, FAULT_MODULES));
    reportFaults(`${story}: few descriptors`, await starve(story, DESCRIPTORS_STEP));
  }
}

async function count(lock: 'sqlite' | 'none' | 'mtime' | 'pid', files = 1, limit = 120_000): Promise<Counted> {
  const counted = await countTogether({ processes: PROCESSES, rounds: ROUNDS, files, kills: 0.01, lock, limit });
  const { expected, lost, kills, recovery, finished } = counted;
  const slowest = files === 1 ? { 'slowest recovery': toMs(recovery.slowest) } : {};
  report(
    `${PROCESSES} processes x ${ROUNDS} on ${files} file(s), lock: ${lock}`,
    { written: expected, lost, kills, ...slowest, finished },
    lock !== 'sqlite' || (lost === 0 && finished && recovery.slowest < MAX_RECOVERY_MS),
  );
  return counted;
}

function toRow(name: string, { expected, lost, kills, recovery, finished }: Counted): string {
  const times = kills === 0 ? '-' : `${toMs(recovery.median)}, at most ${toMs(recovery.slowest)}`;
  const done = finished ? '' : ` (stopped after ${MAX_COMPARISON_MS / 1000} s)`;
  return `| ${name} | ${lost} of ${expected}${done} | ${kills} | ${times} |`;
}

function toMs(time: number): string {
  return `${time.toFixed(0)} ms`;
}

const withOneFile = await count('sqlite');
await count('sqlite', PROCESSES);
await refreshTogether();
await obtainTogether();
await failTogether();
await registerOnce();
await Promise.all([stopHolder(), killHolder(), block(), killWriting()]);
await Promise.all([failCalls(), killCalls().then(damageFiles).then(starveProcesses)]);
const rows = [
  toRow('**`withLock`**', withOneFile),
  toRow('O_EXCL file, taken over by pid', await count('pid', 1, MAX_COMPARISON_MS)),
  toRow('O_EXCL file, taken over when 1 s old', await count('mtime', 1, MAX_COMPARISON_MS)),
  toRow('none', await count('none', 1, MAX_COMPARISON_MS)),
];
console.log('\n| lock | lost updates | kills | recovery after a kill (median) |\n|---|---|---|---|');
console.log(rows.join('\n'));
console.log(`\n${failures === 0 ? 'All figures are right.' : `${failures} figures are wrong.`}`);
process.exitCode = failures === 0 ? 0 : 1;
