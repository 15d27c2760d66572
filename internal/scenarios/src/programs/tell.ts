/** Tells one part of a story, and prints how it ended. With `faults/preload.ts` a call fails, or the process is killed there. */
import { writeSync } from 'node:fs';
import { readTask } from '@oa-internal/testing/child';
import { faultControl, type FaultPlan } from '../faults/plan.ts';
import { createTelling, type Ending, type StoryName } from '../faults/stories.ts';

/** What to do. */
export interface TellTask {
  story: StoryName;
  issuer: string;
  plan: FaultPlan;
}

/** What the program prints, unless it is killed. */
export interface Told {
  act: Ending;
  calls: string[];
}

const { story, issuer, plan } = readTask() as TellTask;
const telling = createTelling(story, issuer);
const control = faultControl();
// A process with too few descriptors does not come so far.
writeSync(1, 'begun\n');
control.start(plan);
const act = await telling.tell('act');
const told: Told = { act, calls: control.stop() };
writeSync(1, `${JSON.stringify(told)}\n`);
