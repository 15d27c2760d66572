import { MIN_SHARED_CHARACTERS, spellingsOf, toComparable } from './spelling.ts';

const SKETCH_VALUES = 65_536;

/** Marks the characters of `text` that belong to a run of characters which a spelling of a secret also has. */
export function markShared(text: string, secrets: readonly string[]): Uint8Array {
  const marks = new Uint8Array(text.length);
  const comparable = toComparable(text);
  const indexes = new Map<number, RunIndex>();
  for (const spelling of new Set(secrets.flatMap(spellingsOf))) {
    // A spelling that is shorter than a run is searched as a whole.
    const size = Math.min(spelling.length, MIN_SHARED_CHARACTERS);
    const index = indexes.get(size) ?? indexRuns(comparable, size);
    indexes.set(size, index);
    for (let at = 0; at + size <= spelling.length; at += 1)
      for (const start of takePositions(index, spelling, at)) marks.fill(1, start, start + size);
  }
  return marks;
}

/** The runs of one size in a text. */
interface RunIndex {
  size: number;
  positions: Map<string, number[]>;
  /** Whether a run with this sketch is in the text. It spares most runs of a secret the creation of a string. */
  sketches: Uint8Array;
}

function indexRuns(text: string, size: number): RunIndex {
  const index = { size, positions: new Map<string, number[]>(), sketches: new Uint8Array(SKETCH_VALUES) };
  for (let at = 0; at + size <= text.length; at += 1) {
    index.sketches[sketchRun(text, at, size)] = 1;
    const run = text.slice(at, at + size);
    const positions = index.positions.get(run);
    if (positions === undefined) index.positions.set(run, [at]);
    else positions.push(at);
  }
  return index;
}

/** Returns where the text has the run that starts at `at` in `spelling`. A second call for the same run returns nothing. */
function takePositions({ size, positions, sketches }: RunIndex, spelling: string, at: number): readonly number[] {
  if (sketches[sketchRun(spelling, at, size)] === 0) return [];
  const run = spelling.slice(at, at + size);
  const found = positions.get(run) ?? [];
  positions.delete(run);
  return found;
}

function sketchRun(text: string, at: number, size: number): number {
  const middle = text.charCodeAt(at + (size >> 1));
  return (text.charCodeAt(at) * 4099 + middle * 67 + text.charCodeAt(at + size - 1)) % SKETCH_VALUES;
}
