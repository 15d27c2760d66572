import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, temporaryDirectory, type ProcessEnd } from '@oa-internal/testing';
import type { TellTask, Told } from '../programs/tell.ts';
import { listFiles, type Observed } from './judge.ts';
import type { FaultPlan } from './plan.ts';
import type { RealmServer } from './realms.ts';
import { createTelling, type StoryName } from './stories.ts';

const TELL = new URL('../programs/tell.ts', import.meta.url);
const PRELOAD = new URL('preload.ts', import.meta.url).href;
const VARIABLES = ['XDG_CACHE_HOME', 'XDG_CONFIG_HOME'] as const;

/** Tells the act of a story in a process of its own, and the rest in this one. */
export async function tellSeparately(
  realms: RealmServer,
  name: string,
  story: StoryName,
  plan: Omit<FaultPlan, 'roots'>,
  under: readonly string[] = [],
): Promise<{ observed: Observed; calls: string[] }> {
  const root = temporaryDirectory();
  const roots = ['cache', 'config'].map((each) => join(root, each));
  for (const each of roots) mkdirSync(each, { mode: 0o700 });
  const issuer = realms.issuerOf(name);
  const telling = createTelling(story, issuer);
  const ready = await inDirectories(roots, () => telling.tell('before'));
  if (ready.outcome !== 'ok') throw new Error(`The story can't begin: ${ready.message}`);
  const before = realms.counts(name);
  const { end, told, began } = await tellInProcess({ story, issuer, plan: { ...plan, roots } }, under);
  const act = realms.counts(name);
  const files = listFiles(root);
  const next = await inDirectories(roots, () => telling.tell('next'));
  const observed: Observed = {
    story,
    call: `${plan.at} ${told?.calls[plan.at - 1] ?? ''}`,
    fault: plan.fault,
    calls: told?.calls.length ?? 0,
    act: told?.act,
    next,
    counts: { before, act, next: realms.counts(name) },
    files: { act: files, next: listFiles(root) },
    stray: began || under.length === 0 ? strayOf(end, plan) : [],
  };
  rmSync(root, { recursive: true });
  return { observed, calls: told?.calls ?? [] };
}

/** How a process that told the act ended. */
export interface ToldEnd {
  end: ProcessEnd;
  told: Told | undefined;
  /** Whether it came so far that it used a manager. */
  began: boolean;
}

/** Tells the act of a story in a process of its own. `under`: a program that runs Node.js. */
export async function tellInProcess(task: TellTask, under: readonly string[] = []): Promise<ToldEnd> {
  const { roots } = task.plan;
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...Object.fromEntries(VARIABLES.map((variable, index) => [variable, roots[index]])),
    // Node.js warns on stderr if a process with few descriptors can't read this file.
    NODE_EXTRA_CA_CERTS: undefined,
  };
  const end = await startProcess(TELL, { task, env, under, nodeOptions: [`--import=${PRELOAD}`] }).ended;
  const [first, second = '', last] = end.stdout.split('\n');
  return { end, told: last === undefined ? undefined : (JSON.parse(second) as Told), began: first === 'begun' };
}

/** The arguments of a shell that runs a program with this many descriptors at most. */
export function withDescriptors(limit: number): string[] {
  return ['sh', '-c', 'ulimit -n "$0"; exec "$@"', String(limit)];
}

function strayOf({ code, signal, stderr }: ProcessEnd, { fault, at }: Omit<FaultPlan, 'roots'>): string[] {
  const stray = stderr === '' ? [] : [`stderr: ${stderr}`];
  const killed = fault === 'kill' && at > 0 && signal === 'SIGKILL';
  return killed || code === 0 ? stray : [...stray, `ended with ${code ?? signal}`];
}

/** Does `work` with these directories in the environment. */
export async function inDirectories<T>(roots: readonly string[], work: () => Promise<T>): Promise<T> {
  const before = VARIABLES.map((variable) => process.env[variable]);
  for (const [index, variable] of VARIABLES.entries()) process.env[variable] = roots[index];
  try {
    return await work();
  } finally {
    for (const [index, variable] of VARIABLES.entries()) {
      const value = before[index];
      if (value === undefined) delete process.env[variable];
      else process.env[variable] = value;
    }
  }
}
