import { growthOf } from '@oa-internal/testing';

/** The work is done often, so that its time is long enough to be measured. */
const REPETITIONS = 50;
const MAX_EXPONENT_FACTOR = 1.5;

/** Whether the time of `work` grows as its input does. */
export async function isLinear<T>(createInput: (size: number) => T, work: (input: T) => unknown): Promise<boolean> {
  const workOften = (input: T): void => {
    for (let time = 0; time < REPETITIONS; time += 1) work(input);
  };
  return (await growthOf(createInput, workOften)) < MAX_EXPONENT_FACTOR;
}
