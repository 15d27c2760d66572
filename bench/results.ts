import { cpus, loadavg, platform, totalmem } from 'node:os';
import { versionOf } from './install.ts';
import type { Job } from './jobs.ts';
import type { Result } from './measure.ts';
import type { Peer } from './peers.ts';

/** The load average of the last minute, read before the benchmark does anything. */
const [LOAD_BEFORE = NaN] = loadavg();

/** The content of `results.json`. */
export interface Results {
  date: string;
  command: string;
  machine: string;
  /** The load average before the benchmark. */
  load: number;
  rounds: number;
  /** The files of the jobs with many tokens. */
  files: number;
  peers: { adapter: string; name: string; versions: string[] }[];
  jobs: { name: string; title: string; unit: string; results: Record<string, Result | { lacks: string }> }[];
}

export function describeRun(rounds: number, files: number, peers: readonly Peer[]): Omit<Results, 'jobs'> {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return {
    date: new Date().toISOString().slice(0, 10),
    command: ['pnpm bench', ...process.argv.slice(2)].join(' '),
    machine: `${platform()}, ${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory}, Node.js ${process.version}`,
    load: Number(LOAD_BEFORE.toFixed(2)),
    rounds,
    files,
    peers: peers.map(({ adapter, packages }) => ({
      adapter,
      name: packages[0] ?? 'raw fetch',
      versions: packages.map((name) => `${name} ${versionOf(name)}`),
    })),
  };
}

/** The results of a job, with a reason where a peer can't do it. */
export function describeJob(
  { name, title, unit }: Job,
  peers: readonly Peer[],
  measured: Record<string, Result>,
): Results['jobs'][number] {
  const entries = peers.map(({ adapter, lacks }): [string, Result | { lacks: string }] => {
    const result = measured[adapter];
    return [adapter, result ?? { lacks: lacks[name] ?? 'not measured' }];
  });
  return { name, title, unit, results: Object.fromEntries(entries) };
}
