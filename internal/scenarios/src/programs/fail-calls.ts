/**
 * Tells one story again and again, and fails one file call each time. Prints a line of JSON for each run. It must be started with
 * `--import` of `faults/preload.ts`.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '@oa-internal/testing';
import { readTask } from '@oa-internal/testing/child';
import { listFiles, type Observed } from '../faults/judge.ts';
import { faultControl, faultErrors, type FaultError, type FaultPlan } from '../faults/plan.ts';
import { startRealmServer } from '../faults/realms.ts';
import { createTelling, type StoryName } from '../faults/stories.ts';

/** What to do. */
export interface FailCallsTask {
  story: StoryName;
  /** How many of the errors each call fails with in turn. */
  errors: number;
  /** How many calls fail, one after the other. */
  lasts: number;
}

const ALL_ERRORS = Object.keys(faultErrors) as FaultError[];
const { story, errors, lasts } = readTask() as FailCallsTask;
const control = faultControl();
const stray: string[] = [];
process.on('unhandledRejection', (reason) => stray.push(`unhandled: ${String(reason)}`));
process.on('warning', (warning) => stray.push(`warning: ${String(warning)}`));
await using realms = await startRealmServer();
let runs = 0;

async function run(plan: Omit<FaultPlan, 'roots'>, fault: string, goesOn: boolean): Promise<string[]> {
  runs += 1;
  stray.length = 0;
  const name = `r${runs}`;
  const root = temporaryDirectory();
  const roots = ['cache', 'config'].map((each) => join(root, each));
  for (const each of roots) mkdirSync(each, { mode: 0o700 });
  [process.env['XDG_CACHE_HOME'], process.env['XDG_CONFIG_HOME']] = roots;
  const telling = createTelling(story, realms.issuerOf(name));
  const ready = await telling.tell('before');
  if (ready.outcome !== 'ok') throw new Error(`The story can't begin: ${ready.message}`);
  const before = realms.counts(name);
  control.start({ ...plan, roots });
  const act = await telling.tell('act');
  const calls = control.stop();
  const counts = { before, act: realms.counts(name) };
  const files = { act: listFiles(root) };
  const again = goesOn ? await telling.tell('again') : undefined;
  const next = await telling.tell('next');
  await new Promise((resolve) => setImmediate(resolve));
  const observed: Observed = {
    story,
    call: `${plan.at} ${calls[plan.at - 1] ?? ''}`,
    fault,
    calls: calls.length,
    act,
    again,
    next,
    counts: { ...counts, next: realms.counts(name) },
    files: { ...files, next: listFiles(root) },
    stray: [...stray],
  };
  rmSync(root, { recursive: true });
  process.stdout.write(`${JSON.stringify(observed)}\n`);
  return calls;
}

// The first run loads the modules. The second one shows which calls there are.
await run({ at: 0, fault: 'EIO' }, 'none', false);
const { length } = await run({ at: 0, fault: 'EIO' }, 'none', false);
for (let at = 1; at <= length; at += 1)
  for (let index = 0; index < errors; index += 1) {
    const fault = ALL_ERRORS[(at + index) % ALL_ERRORS.length] ?? 'EIO';
    await run({ at, fault, lasts }, lasts === 1 ? fault : `${fault} from then on`, (at + index) % 2 === 0);
  }
