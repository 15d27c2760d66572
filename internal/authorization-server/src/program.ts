/** Programs in processes of their own, and the person or agent in front of them. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { listen, stop, type AuthorizationServerHandle } from './server.ts';

const AGENT = 'OA_EXAMPLE_AGENT';

/** How a process ended, and what it said. */
export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a TypeScript program in a process of its own and waits for its end. With `inherit` it has this process's terminal,
 * and a person can answer it; otherwise it has none, and what it says is kept.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string | undefined> = {},
  terminal: 'none' | 'inherit' = 'none',
): Promise<Finished> {
  const child = spawn(process.execPath, ['--conditions=@oa/source', program, ...args], {
    stdio: terminal === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]?.on('data', (chunk) => (said[name] += String(chunk)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...said }));
  });
}

/**
 * A small server that hands a login's address to the agent, so that the program that logs in can be another process:
 * one that is started with `env`.
 */
export async function startAgent(
  server: AuthorizationServerHandle,
): Promise<{ env: Record<string, string>; [Symbol.asyncDispose](): Promise<void> }> {
  const http = createServer((request, response) => {
    const login = async (): Promise<void> => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      await server.logIn(body);
    };
    login().then(
      () => response.end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const url = await listen(http, '127.0.0.1');
  return { env: { [AGENT]: url }, [Symbol.asyncDispose]: () => stop(http) };
}

/** For a program's `openBrowser`: asks the agent of the process that started it to log in at `url`. */
export async function askAgent(url: string): Promise<void> {
  const agent = process.env[AGENT];
  if (agent === undefined) throw new Error(`${AGENT} is not set: start this example with its start script`);
  const response = await fetch(agent, { method: 'POST', body: url });
  if (!response.ok) throw new Error(`the agent could not log in: ${await response.text()}`);
}

/** Whether somebody sits here who can be shown a browser. */
export function personPresent(): boolean {
  const display =
    ['darwin', 'win32'].includes(process.platform) ||
    process.env.DISPLAY !== undefined ||
    process.env.WAYLAND_DISPLAY !== undefined;
  return process.stdin.isTTY && process.stderr.isTTY && display && process.env.CI === undefined;
}
