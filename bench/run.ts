// Measures all peers and writes results.json and docs/performance.md: `pnpm bench`. README.md says how.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { settingsOf, type Bench } from './bench.ts';
import { install } from './install.ts';
import { JOBS } from './jobs.ts';
import { measure } from './measure.ts';
import { PEERS } from './peers.ts';
import { describeJob, describeRun, type Results } from './results.ts';
import { startServer } from './server-control.ts';
import { runWorker } from './worker-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    files: { type: 'string', default: '100000' },
    jobs: { type: 'string', default: JOBS.map(({ name }) => name).join(',') },
    peers: { type: 'string', default: PEERS.map(({ adapter }) => adapter).join(',') },
    installed: { type: 'boolean', default: false },
    print: { type: 'boolean', default: false },
  },
});
const [rounds, files] = [Number(values.rounds), Number(values.files)];
const jobs = JOBS.filter(({ name }) => values.jobs.split(',').includes(name));
const peers = PEERS.filter(({ adapter }) => values.peers.split(',').includes(adapter));

if (!values.installed) install();
const directory = mkdtempSync(join(tmpdir(), 'oa-bench-'));
try {
  await using server = await startServer();
  const bench: Bench = {
    server,
    directory,
    loggedIn: once(async (adapter) => {
      const settings = settingsOf(bench);
      await runWorker(adapter, 'login', settings);
      return settings.directory;
    }),
    manyTokens: once(async () => {
      const settings = settingsOf(bench);
      execFileSync(process.execPath, [join(import.meta.dirname, 'many-tokens.js'), settings.tokens, String(files)]);
      return settings.directory;
    }),
  };
  const results: Results = { ...describeRun(rounds, files, peers), jobs: [] };
  for (const job of jobs) {
    console.error(job.title);
    results.jobs.push(describeJob(job, peers, await measure(job, peers, bench, rounds)));
  }
  await publish(results);
} finally {
  rmSync(directory, { recursive: true });
}

/** A run of some jobs only prints its figures: they would replace those of a whole run. */
async function publish(results: Results): Promise<void> {
  const text = `${JSON.stringify(results, null, 2)}\n`;
  if (values.print) return console.log(text);
  const { writeReport } = await import('./report.ts');
  writeFileSync(join(import.meta.dirname, 'results.json'), text);
  await writeReport(results);
}

/** Prepares what several rounds need before the first one. */
function once<T>(prepare: (name: string) => Promise<T>): (name?: string) => Promise<T> {
  const prepared = new Map<string, Promise<T>>();
  return (name = '') => {
    const found = prepared.get(name) ?? prepare(name);
    prepared.set(name, found);
    return found;
  };
}
