import { callOf, counted, oneMore, oneProcess, runOrIdle, settingsOf, type Bench, type Figure } from './bench.ts';
import { measureStampede, measureWaiting, SLOW_SERVER_MS, STAMPEDE_PROCESSES } from './shared-session.ts';

export type JobName =
  | 'import'
  | 'fresh'
  | 'get'
  | 'source'
  | 'cold'
  | 'login'
  | 'grant'
  | 'stampede'
  | 'one-more'
  | 'one-more-of-many'
  | 'wait'
  | 'list';

export interface Job {
  name: JobName;
  title: string;
  /** What one figure is, with its unit. */
  unit: string;
  /** The adapter whose figure of the same round is subtracted, `node` being a process that does nothing. */
  minus?: string;
  /** The adapter by whose figure of the same round a figure is divided, after the subtraction. */
  over?: string;
  /** No more rounds than these. The figures of such a job are counts, or large. */
  rounds?: number;
  measure: (adapter: string, bench: Bench) => Promise<Figure>;
}

const CALLS = 100_000;
const GRANTS = 1000;

export const JOBS: Job[] = [
  {
    name: 'import',
    title: 'Import',
    unit: 'CPU of a process that imports it ÷ of one that does nothing',
    over: 'node',
    measure: (adapter, bench) => oneProcess(adapter, 'import', settingsOf(bench)),
  },
  {
    name: 'fresh',
    title: 'A new process, a token that is fresh on disk',
    unit: 'milliseconds of CPU above a process that does nothing',
    minus: 'node',
    measure: async (adapter, bench) =>
      oneProcess(adapter, 'fresh', settingsOf(bench, adapter === 'node' ? undefined : await bench.loggedIn(adapter))),
  },
  {
    name: 'get',
    title: 'A token from memory',
    unit: 'CPU of a call ÷ of an awaited Map lookup',
    over: 'fetch',
    measure: (adapter, bench) => callOf(adapter, 'get', { ...settingsOf(bench), calls: CALLS }),
  },
  {
    name: 'source',
    title: 'A token from memory, by a source that was made once',
    unit: 'CPU of a call ÷ of an awaited Map lookup',
    over: 'fetch',
    measure: (adapter, bench) => callOf(adapter, 'source', { ...settingsOf(bench), calls: CALLS }),
  },
  {
    name: 'cold',
    title: 'Discovery, client credentials and a call of the API in a new process',
    unit: 'CPU above a process that does nothing ÷ of raw fetch',
    minus: 'node',
    over: 'fetch',
    measure: (adapter, bench) => counted(bench, () => oneProcess(adapter, 'cold', settingsOf(bench))),
  },
  {
    name: 'login',
    title: 'Discovery and a login of a user in a new process',
    unit: 'CPU above a process that does nothing ÷ of raw fetch',
    minus: 'node',
    over: 'fetch',
    measure: (adapter, bench) => counted(bench, () => oneProcess(adapter, 'login', settingsOf(bench))),
  },
  {
    name: 'grant',
    title: 'A client credentials grant in a process that has made some',
    unit: 'microseconds of CPU above ky',
    minus: 'ky',
    measure: (adapter, bench) => callOf(adapter, 'grant', { ...settingsOf(bench), calls: GRANTS }),
  },
  {
    name: 'stampede',
    title: `${STAMPEDE_PROCESSES} processes with one expired session, at a server that takes ${SLOW_SERVER_MS / 1000} seconds`,
    unit: 'processes that get a token',
    rounds: 3,
    measure: measureStampede,
  },
  {
    name: 'one-more',
    title: 'One more token for a process that has kept some on disk',
    unit: 'milliseconds of CPU',
    measure: (adapter, bench) => oneMore(adapter, settingsOf(bench)),
  },
  {
    name: 'one-more-of-many',
    title: 'One more token beside many on disk',
    unit: 'milliseconds of CPU',
    measure: async (adapter, bench) => oneMore(adapter, settingsOf(bench, await bench.manyTokens())),
  },
  {
    name: 'wait',
    title: 'Waiting while another process refreshes the token',
    unit: 'milliseconds of CPU a second',
    rounds: 3,
    measure: measureWaiting,
  },
  {
    name: 'list',
    title: 'A list of many tokens',
    unit: 'seconds of CPU above a process that does nothing',
    minus: 'node',
    rounds: 3,
    measure: async (adapter, bench) => {
      const { cpuMs, peakMb } = await runOrIdle(adapter, 'list', settingsOf(bench, await bench.manyTokens()));
      return { value: cpuMs / 1000, counts: { 'MB at most': Math.round(peakMb) } };
    },
  },
];
