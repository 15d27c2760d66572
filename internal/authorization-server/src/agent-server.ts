/** The agent for a program in another process, and whether a user can log in instead. */
import { createServer } from 'node:http';
import { closeServer, listen } from '@oa-internal/testing/server';
import type { AuthorizationServerHandle } from './server.ts';

const AGENT_VARIABLE = 'OA_EXAMPLE_AGENT';

/** A server that lets programs in other processes use the agent. */
export interface AgentServer {
  /** What the environment of such a program must hold. */
  env: Record<string, string>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a small server that takes an authorization URL and lets the agent log in there. */
export async function startAgent(server: AuthorizationServerHandle): Promise<AgentServer> {
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
  const url = await listen(http);
  return { env: { [AGENT_VARIABLE]: url }, [Symbol.asyncDispose]: () => closeServer(http) };
}

/** The `openBrowser` of a program: asks the agent of the process that started it to log in at `url`. */
export async function askAgent(url: string): Promise<void> {
  const agent = process.env[AGENT_VARIABLE];
  if (agent === undefined) throw new Error(`${AGENT_VARIABLE} is not set. Start this example with its start script.`);
  const response = await fetch(agent, { method: 'POST', body: url });
  if (!response.ok) throw new Error(`The agent could not log in: ${await response.text()}`);
}

/** Whether this process has a terminal and a display, so that a user can log in with a browser. Never under CI. */
export function hasTerminalAndDisplay(): boolean {
  const display =
    ['darwin', 'win32'].includes(process.platform) ||
    process.env.DISPLAY !== undefined ||
    process.env.WAYLAND_DISPLAY !== undefined;
  return process.stdin.isTTY && process.stderr.isTTY && display && process.env.CI === undefined;
}
