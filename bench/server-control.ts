import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How the authorization server of the benchmark answers. */
export interface ServerSettings {
  /** The lifetime of the access tokens that it issues. */
  lifetimeSeconds: number;
  /** How long it takes for a token. */
  delayMs: number;
}

/** What the authorization server has counted since its settings were set. */
export interface Counts {
  requests: number;
  tokenRequests: number;
  revokedSessions: number;
}

export interface BenchServer extends AsyncDisposable {
  issuer: string;
  /** Starts the counts anew. Settings that are left out get their defaults. */
  set(settings: Partial<ServerSettings>): Promise<void>;
  counts(): Promise<Counts>;
}

/** Starts the authorization server in a process of its own. */
export async function startServer(): Promise<BenchServer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [issuer] = (await once(createInterface(child.stdout), 'line')) as [string];
  const control = (init: RequestInit): Promise<Response> => fetch(`${issuer}/control`, init);
  return {
    issuer,
    async set(settings) {
      await (await control({ method: 'POST', body: JSON.stringify(settings) })).text();
    },
    counts: async () => (await (await control({ method: 'POST' })).json()) as Counts,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, 'exit');
    },
  };
}
