import type { Bench, Figure } from './bench.ts';
import type { Job } from './jobs.ts';
import type { Peer } from './peers.ts';
import { rotate, summarize, type Summary } from './statistics.ts';

/** What one peer needs for one job. */
export interface Result extends Summary {
  /** Medians of what was counted besides. */
  counts: Record<string, number>;
}

/** Measures a job of all peers: one process after the other, in an order that each round rotates. */
export async function measure(
  job: Job,
  peers: readonly Peer[],
  bench: Bench,
  rounds: number,
): Promise<Record<string, Result>> {
  const able = peers.filter(({ lacks }) => lacks[job.name] === undefined).map(({ adapter }) => adapter);
  const references = [job.minus, job.over].filter((adapter) => adapter !== undefined);
  const adapters = [...new Set([...able, ...references])];
  const relative = new Map(able.map((adapter) => [adapter, new Array<Figure>()]));

  for (let round = 0; round < Math.min(rounds, job.rounds ?? rounds); round++) {
    const figures = new Map<string, Figure>();
    for (const adapter of rotate(adapters, round)) {
      // The job before may have left a slow server.
      await bench.server.set({});
      figures.set(adapter, await job.measure(adapter, bench));
    }
    for (const [adapter, found] of relative) found.push(compare(job, adapter, figures));
  }
  return Object.fromEntries(Array.from(relative, ([adapter, figures]) => [adapter, toResult(figures)]));
}

/** Compares a figure with those of the same round that the job names. */
function compare({ minus, over }: Job, adapter: string, figures: ReadonlyMap<string, Figure>): Figure {
  const valueOf = (name: string): number => figures.get(name)?.value ?? NaN;
  const base = minus === undefined ? 0 : valueOf(minus);
  const divisor = over === undefined ? 1 : valueOf(over) - base;
  return { ...figures.get(adapter), value: (valueOf(adapter) - base) / divisor };
}

function toResult(figures: readonly Figure[]): Result {
  const names = Object.keys(figures[0]?.counts ?? {});
  const medianOf = (name: string): number => summarize(figures.map(({ counts }) => counts?.[name] ?? NaN)).median;
  return {
    ...summarize(figures.map(({ value }) => value)),
    counts: Object.fromEntries(names.map((name) => [name, medianOf(name)])),
  };
}
