import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What an adapter is told. */
export interface WorkerSettings {
  issuer: string;
  api: string;
  tokenEndpoint: string;
  /** A directory of its own, which is also the one for the files of the user. */
  directory: string;
  /** The directory in which the manager keeps its tokens. */
  tokens: string;
  /** How often the call is made whose CPU is measured. */
  calls?: number;
  /** How long the wait lasts in which CPU is measured. */
  sampleMs?: number;
}

/** What one process measured. */
export interface Measurement {
  /** User and system time of the whole process. */
  cpuMs: number;
  peakMb: number;
  /** CPU of one call, where `calls` was set. */
  callUs?: number;
  /** CPU a second, where `sampleMs` was set. */
  waitingMs?: number;
}

/**
 * Runs a program, and prints the seconds of CPU that the kernel counted for it until its end. A process that reads this itself, at its exit,
 * leaves out what its threads still compile then, which is much for a short process that has used `fetch`.
 */
const TIMED = 'TIMEFORMAT="cpu %3U %3S"; time "$@"';

/**
 * Runs a job of an adapter in a new process, and is the browser of its user.
 *
 * @throws {Error} if the process fails, with what it wrote to stderr
 */
export async function runWorker(adapter: string, job: string, settings: WorkerSettings): Promise<Measurement> {
  const program = [process.execPath, join(import.meta.dirname, 'worker.js'), adapter, job, JSON.stringify(settings)];
  const child = spawn('bash', ['-c', TIMED, 'bash', ...program], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: workerEnvironment(settings.directory),
  });
  const problems: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => problems.push(chunk));
  let last = '';
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('open '))
      openAsBrowser(line.slice('open '.length)).catch((error: unknown) =>
        problems.push(Buffer.from(`The browser failed: ${String(error)}\n`)),
      );
    else last = line;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const text = Buffer.concat(problems).toString();
  if (code !== 0) throw new Error(`${adapter} failed at ${job}: ${text}`);
  const [, user, system] = /^cpu ([\d.]+) ([\d.]+)$/m.exec(text) ?? [];
  return { ...(JSON.parse(last) as Measurement), cpuMs: (Number(user) + Number(system)) * 1000 };
}

/** The directories of the user are those of the run. Settings of this machine for Node.js and for proxies do not count. */
function workerEnvironment(directory: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: directory,
    XDG_CACHE_HOME: directory,
    XDG_CONFIG_HOME: directory,
  };
}

/** Follows the redirects and submits a form, as a browser in which the user is logged in. */
async function openAsBrowser(url: string): Promise<void> {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.url.includes('response_mode=form_post')) return;
  const { action, fields } = JSON.parse(text) as { action: string; fields: Record<string, string> };
  await (await fetch(action, { method: 'POST', body: new URLSearchParams(fields) })).text();
}
