/** What the tests run with a few processes, and the torture with 50. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, temporaryDirectory, type TestProcess, type StartOptions } from '@oa-internal/testing';
import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';
import { fileTokenCache } from '@oa/token-cache';
import type { Token } from '@oa/types';
import { key, type PipelineTask } from './pipeline.ts';

const GET = new URL('programs/get.ts', import.meta.url);

/** A token endpoint that rotates refresh tokens and revokes the session when one is used twice (RFC 9700 section 4.14.2). */
export interface RotatingServer {
  server: ScriptedServer;
  endpoint: string;
  /** How many refresh tokens came a second time. */
  reused: () => number;
  /** Milliseconds before each answer. */
  delay: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startRotatingServer(delay = 100): Promise<RotatingServer> {
  const used = new Set<string>();
  let issued = 0;
  let reused = 0;
  const rotating: Omit<RotatingServer, 'server' | 'endpoint'> = {
    reused: () => reused,
    delay,
    [Symbol.asyncDispose]: async () => server.close(),
  };
  const server = await startScriptedServer({
    '/token': ({ form }): Reply => {
      const refresh = form.get('refresh_token');
      if (refresh !== null && used.has(refresh)) reused += 1;
      if (refresh !== null) used.add(refresh);
      if (reused > 0) return { status: 400, json: { error: 'invalid_grant' }, delay: rotating.delay };
      issued += 1;
      const token = { access_token: `at-${issued}-s3cret`, token_type: 'Bearer', expires_in: 3600 };
      return { json: { ...token, refresh_token: `rt-${issued}-s3cret` }, delay: rotating.delay };
    },
  });
  return Object.assign(rotating, { server, endpoint: `${server.origin}/token` });
}

export const expired: Token = {
  access_token: 'at-0-s3cret',
  token_type: 'Bearer',
  refresh_token: 'rt-0-s3cret',
  expires_in: 3600,
  expires_at: 1000,
};

export interface Place {
  directory: string;
  go: string;
  stored(): Promise<Token | undefined>;
  store(token: Token): Promise<void>;
  start(task: Omit<PipelineTask, 'directory'>, options?: StartOptions): TestProcess;
  /** Lets all started programs go on. */
  release(): void;
  [Symbol.dispose](): void;
}

/** A token cache of its own, and programs that use it. */
export function place(): Place {
  const root = temporaryDirectory();
  const directory = join(root, 'tokens');
  const go = join(root, 'go');
  return {
    directory,
    go,
    stored: async () => fileTokenCache({ directory }).get(key),
    store: async (token) => fileTokenCache({ directory }).set(key, token),
    start: (task, options) => startProcess(GET, { task: { directory, go, ...task }, ...options }),
    release: () => writeFileSync(go, ''),
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}

/** What many processes printed that all wanted the same token at the same moment. */
export async function allAtOnce(at: Place, count: number, task: Omit<PipelineTask, 'directory'>): Promise<string[]> {
  const programs = Array.from({ length: count }, () => at.start(task));
  await Promise.all(programs.map((program) => program.printed('ready')));
  at.release();
  const ends = await Promise.all(programs.map((program) => program.ended));
  // The last line, without its time.
  return ends.map(({ stdout, stderr }) => (stdout.trim().split('\n').at(-1) ?? '').replace(/ [\d.]+$/, '') + stderr);
}
