import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManager, type Credentials, type Manager, type ManagerOptions, type Target } from '@oa/manager';
import type { OAuthEvent, Token } from '@oa/types';
import { onTestFinished } from 'vitest';

/** Not in the shared temporary directory, where others could plant what is run from it. */
const COMPILED = join(import.meta.dirname, '../../../node_modules/.cache/compiled');

/** A directory of its own for each test, gone afterwards. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'oa-manager-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Where the tokens of `managerAt` are. */
export function tokens(directory: string): string {
  return join(directory, 'cache', 'test', 'tokens');
}

function environment(directory: string): { XDG_CACHE_HOME: string; XDG_CONFIG_HOME: string } {
  return { XDG_CACHE_HOME: join(directory, 'cache'), XDG_CONFIG_HOME: join(directory, 'config') };
}

/** A manager with real files below `directory`, as a new process would make it, and the events it told. */
export function managerAt(directory: string, options: ManagerOptions = {}): { manager: Manager; events: OAuthEvent[] } {
  Object.assign(process.env, environment(directory));
  const events: OAuthEvent[] = [];
  const manager = createManager({
    app: 'test',
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { manager, events };
}

export type Outcome =
  | { ok: true; access_token: string; events: string[] }
  | { ok: false; code: string; events: string[] };

export interface Job {
  directory: string;
  target: Target;
  credentials: Credentials;
  /** Milliseconds for each request. */
  timeout?: number;
  rejected?: string;
  /** Opens the login URL for a person who logs in at once. Without it nobody is there. */
  agent?: string;
  /** How many calls at once. */
  calls?: number;
  /** More targets and credentials, asked for after the first ones. */
  more?: { target: Target; credentials: Credentials }[];
}

/** Starts a process for `job`, which begins when it is told to `go`. */
function prepareProcess(job: Job): {
  pid: number;
  ready: Promise<unknown>;
  go(): void;
  kill(signal: NodeJS.Signals): void;
  outcomes: Promise<Outcome[]>;
  exit: Promise<number | NodeJS.Signals>;
} {
  const child = spawn(process.execPath, ['--conditions=@oa/source', join(import.meta.dirname, 'programs', 'get.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Stripping the types of a hundred files is what such a process does most; the cache spares it.
    env: { ...process.env, ...environment(job.directory), NODE_COMPILE_CACHE: COMPILED },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  // A child that was killed takes no more input, which is no news.
  child.stdin.on('error', () => {});
  const exit = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal ?? 0));
  });
  return {
    pid: child.pid ?? 0,
    ready: once(child.stdout, 'data'),
    go: () => child.stdin.end(JSON.stringify(job)),
    kill: (signal) => child.kill(signal),
    exit,
    outcomes: exit.then(() => JSON.parse(output.split('\n')[1] || '[]') as Outcome[]),
  };
}

/** Runs `job` in a process of its own. */
export function startProcess(job: Job): ReturnType<typeof prepareProcess> {
  const child = prepareProcess(job);
  child.go();
  return child;
}

/** Runs `job` in many processes that begin at the same time. */
export async function startTogether(count: number, job: Job): Promise<Outcome[]> {
  const children = Array.from({ length: count }, () => prepareProcess(job));
  await Promise.all(children.map(({ ready }) => ready));
  for (const child of children) child.go();
  return (await Promise.all(children.map(({ outcomes }) => outcomes))).flat();
}

/** An access token that has `left` seconds of its 3,600 left. */
export function aged(token: Token, left: number): Token {
  return { ...token, expires_in: 3600, expires_at: Math.floor(Date.now() / 1000) + left };
}
