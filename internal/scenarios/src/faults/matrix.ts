import { startProcess } from '@oa-internal/testing';
import type { FailCallsTask } from '../programs/fail-calls.ts';
import { judge, type Observed } from './judge.ts';
import type { FaultPlan } from './plan.ts';
import { startRealmServer } from './realms.ts';
import { MAX_DESCRIPTORS, MIN_DESCRIPTORS } from './together.ts';
import { tellSeparately, withDescriptors } from './separate.ts';
import type { StoryName } from './stories.ts';

const FAIL_CALLS = new URL('../programs/fail-calls.ts', import.meta.url);
const PRELOAD = new URL('preload.ts', import.meta.url).href;

/** What all runs of a story showed. */
export interface FaultReport {
  runs: number;
  /** The calls of a run without a fault. */
  calls: number;
  /** The runs that lost the session where that is explained. */
  window: string[];
  /** What was wrong: the call, the fault, and the problem. */
  problems: string[];
}

/** More than any story makes. */
const ALL_CALLS = 1_000_000;

/**
 * Tells `story` once for each file call, which fails then.
 *
 * @param errors how many errors each call fails with in turn
 * @param last whether all calls after it fail too
 */
export async function failEachCall(story: StoryName, errors: number, last = false): Promise<FaultReport> {
  const task: FailCallsTask = { story, errors, lasts: last ? ALL_CALLS : 1 };
  const program = startProcess(FAIL_CALLS, { task, nodeOptions: [`--import=${PRELOAD}`] });
  const { code, stdout, stderr } = await program.ended;
  const lines = stdout.split('\n').filter((line) => line !== '');
  const runs = lines.map((line) => JSON.parse(line) as Observed);
  const report = toReport(runs);
  if (code !== 0 || stderr !== '') report.problems.push(`The program ended with ${code}: ${stderr}`);
  return report;
}

/** Tells `story` in one process for each file call, and kills it there. `runs`: at most so many calls, spread over all. */
export async function killAtEachCall(story: StoryName, runs = Infinity): Promise<FaultReport> {
  return repeat(story, { fault: 'kill', count: 'file' }, runs);
}

/** Tells `story` in one process for each module that it loads, which can't be opened then, for want of descriptors. */
export async function failEachImport(story: StoryName, runs = Infinity): Promise<FaultReport> {
  return repeat(story, { fault: 'EMFILE', count: 'import' }, runs);
}

/** Tells `story` in processes that may open only a few files, from too few for Node.js to enough for everything. */
export async function starve(story: StoryName, step = 1): Promise<FaultReport> {
  await using realms = await startRealmServer();
  const runs: Observed[] = [];
  for (let limit = MIN_DESCRIPTORS; limit <= MAX_DESCRIPTORS; limit += step) {
    const plan = { at: 0, fault: 'EMFILE' } as const;
    const { observed } = await tellSeparately(realms, `r${limit}`, story, plan, withDescriptors(limit));
    runs.push({ ...observed, call: `${limit} descriptors`, fault: 'starved' });
  }
  return toReport(runs);
}

async function repeat(story: StoryName, plan: Omit<FaultPlan, 'roots' | 'at'>, most: number): Promise<FaultReport> {
  await using realms = await startRealmServer();
  const healthy = await tellSeparately(realms, 'healthy', story, { ...plan, at: 0 });
  const { calls } = healthy;
  const step = Math.max(1, calls.length / most);
  const runs = [healthy.observed];
  for (let at = 1; Math.round(at) <= calls.length; at += step) {
    const number = Math.round(at);
    const { observed } = await tellSeparately(realms, `r${number}`, story, { ...plan, at: number });
    runs.push({ ...observed, call: `${number} ${calls[number - 1] ?? ''}` });
  }
  return toReport(runs);
}

function toReport(runs: readonly Observed[]): FaultReport {
  const report: FaultReport = { runs: runs.length, calls: runs[0]?.calls ?? 0, window: [], problems: [] };
  for (const observed of runs) {
    const { problems, window } = judge(observed);
    const what = `${observed.story}: ${observed.call}: ${observed.fault}`;
    if (window) report.window.push(what);
    for (const problem of problems) report.problems.push(`${what}: ${problem}`);
  }
  return report;
}
