import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, chownSync, globSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { temporaryDirectory } from './directory.ts';
import { findProgram } from './programs.ts';

const run = promisify(execFile);
const PURPOSE = 'the shared store of PostgreSQL';
const START_TIMEOUT_MS = 60_000;
/** The engine refuses to run as root. This user of Debian owns no files. */
const UNPRIVILEGED = { uid: 65_534, gid: 65_534 };

/** A PostgreSQL server of a test, with its own data directory and port on loopback. */
export interface TestPostgres {
  host: '127.0.0.1';
  port: number;
  user: 'oa';
  password: string;
  /** With the password. */
  connectionString: string;
  /** Its process. 0 while it does not run. */
  pid: () => number;
  start: () => Promise<void>;
  /** Ends all sessions, and then the server. */
  stop: () => Promise<void>;
  /** Kills all its processes with SIGKILL. */
  kill: () => Promise<void>;
  restart: () => Promise<void>;
  /** Stops all its processes with SIGSTOP, and lets them go on with `resume`. */
  pause: () => void;
  resume: () => void;
  /** The log of the server. */
  log: () => string;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PostgresOptions {
  /** Lines of postgresql.conf. */
  settings?: readonly string[];
  /** Whether each commit is on the disk before it is answered. @default true */
  fsync?: boolean;
}

/** @returns the directory of the programs of PostgreSQL, `undefined` if it is missing. Tests are skipped then. */
export function findPostgres(): string | undefined {
  const directories = globSync('/usr/lib/postgresql/*/bin').toSorted().toReversed();
  const found = findProgram('initdb', PURPOSE, [...directories, ...(process.env['PATH'] ?? '').split(':')]);
  return found === undefined ? undefined : join(found, '..');
}

/** Starts a PostgreSQL server. The caller disposes of it. */
export async function startPostgres({ settings = [], fsync = true }: PostgresOptions = {}): Promise<TestPostgres> {
  const programs = findPostgres();
  if (programs === undefined) throw new Error('PostgreSQL is not installed. Use findPostgres to skip the test.');
  const isRoot = process.getuid?.() === 0;
  const identity = isRoot ? UNPRIVILEGED : {};
  const directory = temporaryDirectory();
  if (isRoot) chownSync(directory, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  const data = join(directory, 'data');
  const logFile = join(directory, 'log');
  const password = 'planted-passw0rd';
  const passwordFile = join(directory, 'password');
  appendFileSync(passwordFile, password);
  chmodSync(passwordFile, 0o644);
  const initialise = [
    '-D',
    data,
    '-U',
    'oa',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '-E',
    'UTF8',
    '--no-sync',
  ];
  await run(join(programs, 'initdb'), [...initialise, '--locale', 'C.UTF-8'], { ...identity, cwd: '/' });
  const port = await freePort();
  appendFileSync(
    join(data, 'postgresql.conf'),
    [
      "listen_addresses = '127.0.0.1'",
      `port = ${port}`,
      `unix_socket_directories = '${directory}'`,
      `fsync = ${fsync ? 'on' : 'off'}`,
      'shared_buffers = 16MB',
      ...settings,
      '',
    ].join('\n'),
  );
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const child = spawn(join(programs ?? '', 'postgres'), ['-D', data], {
      ...identity,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server = child;
    child.stderr.on('data', (text: Buffer) => appendFileSync(logFile, text));
    const before = countReady();
    const end = performance.now() + START_TIMEOUT_MS;
    while (countReady() === before) {
      if (child.exitCode !== null || performance.now() > end) throw new Error(`PostgreSQL did not start: ${log()}`);
      await sleep(20);
    }
  }

  /** Each start writes the sentence once. */
  function countReady(): number {
    return log().split('ready to accept').length;
  }

  function log(): string {
    try {
      return readFileSync(logFile, 'utf8');
    } catch {
      return '';
    }
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    const children = signal === 'SIGKILL' ? childrenOf(child.pid ?? 0) : [];
    child.kill(signal);
    for (const id of children) signalProcess(id, 'SIGKILL');
    await closed;
    // A killed server leaves its shared memory to the next one until the last child is gone.
    while (children.some((id) => signalProcess(id, 0))) await sleep(10);
  }

  const signalAll = (signal: NodeJS.Signals): void => {
    const id = server?.pid ?? 0;
    if (id === 0) return;
    for (const each of [...childrenOf(id), id]) signalProcess(each, signal);
  };
  const stop = (): Promise<void> => end('SIGINT');

  await start();
  return {
    host: '127.0.0.1',
    port,
    user: 'oa',
    password,
    connectionString: `postgres://oa:${password}@127.0.0.1:${port}/postgres`,
    pid: () => server?.pid ?? 0,
    start,
    stop,
    kill: () => end('SIGKILL'),
    async restart() {
      await stop();
      await start();
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    log,
    async [Symbol.asyncDispose]() {
      signalAll('SIGCONT');
      await end('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** @returns whether the process exists */
function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
