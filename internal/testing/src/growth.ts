/** The input grows until the work takes this long, or has the largest size. Longer work would seldom run without an interruption. */
const MIN_WORK_MS = 0.25;
const MIN_INPUT_CHARACTERS = 1024;
const MAX_INPUT_CHARACTERS = 512 * 1024;
/** Between the two sizes: so large that the noise of a busy machine makes little difference. */
const SIZE_FACTOR = 8;
/** The shortest of many times counts: other processes, compilation and garbage collection only make it longer. */
const REPETITIONS = 25;
/** A busy machine can spoil a whole measurement. Work that is not linear is above the limit in all of them. */
const MEASUREMENTS = 5;
const MAX_LINEAR_EXPONENT_FACTOR = 1.5;

/**
 * Measures how the time of `work` grows with its input, at one size and at 8 times that size. It depends on no speed of the machine.
 * A measurement that is not linear is repeated, up to 5 times, and the smallest counts.
 *
 * @param createInput makes an input of about `size` characters
 * @param minSize the smallest size, in characters; a larger one shows growth that begins late
 * @returns the exponent of the growth: about 1 is linear, 2 is quadratic
 */
export async function growthOf<T>(
  createInput: (size: number) => T,
  work: (input: T) => unknown,
  minSize: number = MIN_INPUT_CHARACTERS,
): Promise<number> {
  let size = minSize;
  while (size < MAX_INPUT_CHARACTERS && (await timeOf(work, createInput(size))) < MIN_WORK_MS) size *= 2;
  let smallest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < MEASUREMENTS && smallest >= MAX_LINEAR_EXPONENT_FACTOR; round += 1)
    smallest = Math.min(smallest, await exponentAt(size, createInput, work));
  return smallest;
}

async function exponentAt<T>(
  size: number,
  createInput: (size: number) => T,
  work: (input: T) => unknown,
): Promise<number> {
  const runs = [1, SIZE_FACTOR].map((factor) => ({
    input: createInput(size * factor),
    shortest: Number.POSITIVE_INFINITY,
  }));
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1)
    for (const run of runs) run.shortest = Math.min(run.shortest, await timeOf(work, run.input));
  const [small, large] = runs.map(({ shortest }) => shortest);
  return Math.log2((large ?? 0) / (small ?? 0)) / Math.log2(SIZE_FACTOR);
}

async function timeOf<T>(work: (input: T) => unknown, input: T): Promise<number> {
  const start = performance.now();
  await work(input);
  return performance.now() - start;
}
