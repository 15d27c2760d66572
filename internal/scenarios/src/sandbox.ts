import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess, temporaryDirectory, type TestProcess } from '@oa-internal/testing';
import { fileTokenCache, tokenKey, type TokenCache } from '@oa/token-cache';
import type { Token } from '@oa/types';

const GET = new URL('programs/get.ts', import.meta.url);

/** Compiled code, so that a process does not compile again what another has compiled. It is where only this user can write. */
const COMPILED = join(import.meta.dirname, '../../../node_modules/.cache/compiled');

const identity = { issuer: 'https://as.example', client_id: 'c', grant_type: 'authorization_code' };

/** Where a process stops in the middle of a refresh, until it is killed. */
export type Pause = 'before the request' | 'before the write' | 'after the write';

/** What the program asks its manager for. */
export interface GetTask {
  /** The token endpoint. */
  endpoint: string;
  grant: 'refresh_token' | 'client_credentials';
  /** The secret for `client_credentials`. @default 's' */
  secret?: string;
  pause?: Pause;
}

/** Files for the managers of one scenario, and programs that use them. */
export interface Sandbox {
  /** Where the tokens are. */
  directory: string;
  issuer: string;
  client_id: string;
  /** The key of the refreshed token. */
  key: string;
  cache: TokenCache;
  stored(): Promise<Token | undefined>;
  store(token: Token): Promise<void>;
  /** Starts a program that gets a token from a manager of its own. It begins after `release`. */
  start(task: GetTask): TestProcess;
  /** Lets all started programs begin. */
  release(): void;
  [Symbol.dispose](): void;
}

/** A token that must be refreshed. */
export const EXPIRED_TOKEN: Token = {
  access_token: 'at-0-s3cret',
  token_type: 'Bearer',
  refresh_token: 'rt-0-s3cret',
  expires_in: 3600,
  expires_at: 1000,
};

/** Creates a {@link Sandbox}. */
export function createSandbox(): Sandbox {
  const root = temporaryDirectory();
  const directory = join(root, 'cache', 'scenario', 'tokens');
  const go = join(root, 'go');
  const key = tokenKey(identity);
  const cache = fileTokenCache({ directory });
  const env = {
    ...process.env,
    XDG_CACHE_HOME: join(root, 'cache'),
    XDG_CONFIG_HOME: join(root, 'config'),
    NODE_COMPILE_CACHE: COMPILED,
  };
  const { issuer, client_id } = identity;
  return {
    directory,
    issuer,
    client_id,
    key,
    cache,
    stored: async () => fileTokenCache({ directory }).get(key),
    store: (token) => cache.set(key, token),
    start: (task) => startProcess(GET, { task: { ...task, issuer, client_id, go }, env }),
    release: () => writeFileSync(go, ''),
    [Symbol.dispose]: () => rmSync(root, { recursive: true }),
  };
}

/**
 * Starts processes that all want the same token at the same moment.
 *
 * @param onAllWaiting called when all processes but one wait for the lock
 * @returns the last line that each process printed
 */
export async function getTogether(
  sandbox: Sandbox,
  count: number,
  task: GetTask,
  onAllWaiting?: () => void,
): Promise<string[]> {
  const programs = Array.from({ length: count }, () => sandbox.start(task));
  await Promise.all(programs.map((program) => program.printed('ready')));
  sandbox.release();
  if (onAllWaiting !== undefined) {
    while (programs.filter((program) => program.output().stdout.includes('waiting')).length < count - 1)
      await sleep(10);
    onAllWaiting();
  }
  const ends = await Promise.all(programs.map((program) => program.ended));
  return ends.map(({ stdout, stderr }) => (stdout.trim().split('\n').at(-1) ?? '') + stderr);
}
