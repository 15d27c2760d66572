// What the tests of the manager share: managers with real files, processes that run one, scripted servers and browsers.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createManager, type Credentials, type Manager, type ManagerOptions, type Target } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import type { AuthorizationServer, OAuthEvent, Store, Token } from '@oa/types';
import { startScriptedServer, type Reply, type ScriptedServer } from '@oa-internal/scripted-server';
import { startProcess, temporaryDirectory as createDirectory, type TestProcess } from '@oa-internal/testing';
import { onTestFinished } from 'vitest';

/** Not in the shared temporary directory, where other users could plant what is run from it. */
const COMPILE_CACHE = join(import.meta.dirname, '../../../node_modules/.cache/compiled');

/** A directory that is removed after the test. */
export function temporaryDirectory(): string {
  const directory = createDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A store that can't list its keys. */
export function storeWithoutKeys(tokens: Map<string, Token> = new Map()): Store<Token> {
  return {
    get: (key) => tokens.get(key),
    set: (key, token) => tokens.set(key, token),
    delete: (key) => tokens.delete(key),
  };
}

/** Where the tokens of `managerAt` are. */
export function tokensDirectory(directory: string): string {
  return join(directory, 'cache', 'test', 'tokens');
}

function environmentOf(directory: string): { XDG_CACHE_HOME: string; XDG_CONFIG_HOME: string } {
  return { XDG_CACHE_HOME: join(directory, 'cache'), XDG_CONFIG_HOME: join(directory, 'config') };
}

/** A manager with real files below `directory`, as a new process would create it, and the events that it emits. */
export function managerAt(directory: string, options: ManagerOptions = {}): { manager: Manager; events: OAuthEvent[] } {
  Object.assign(process.env, environmentOf(directory));
  const events: OAuthEvent[] = [];
  // Quiet, unless the test looks at what is printed.
  const login = { print: () => undefined, ...options.login };
  const manager = createManager({ app: 'test', onEvent: (event) => events.push(event), ...options, login });
  return { manager, events };
}

export function typesOf(events: readonly OAuthEvent[]): string[] {
  return events.map(({ type }) => type);
}

/** An access token that has `left` seconds of its 3,600 left. */
export function aged(token: Token, left: number): Token {
  return { ...token, expires_in: 3600, expires_at: Math.floor(Date.now() / 1000) + left };
}

/** The key and the token of a logged-in user of the client `p`, with 100 of its 3,600 seconds left: it is due for an early refresh. */
export function nearExpiry(issuer: string, more: Partial<Token> = {}): [string, Token] {
  const key = tokenKey({ issuer, grant_type: 'authorization_code', client_id: 'p' });
  return [key, { ...aged({ access_token: 'old', token_type: 'Bearer' }, 100), ...more }];
}

/** The tokens in the files below `directory`. */
export function storedTokens(directory: string): Token[] {
  const folder = tokensDirectory(directory);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.map((name) => (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { token: Token }).token);
}

/** Changes every stored token, as time or another program would, and returns the last one. */
export async function changeStored(directory: string, edit: (token: Token) => Token): Promise<Token> {
  const cache = fileTokenCache({ directory: tokensDirectory(directory) });
  let edited: Token | undefined;
  for (const { key } of await cache.list()) {
    const token = await cache.get(key);
    if (token !== undefined) await cache.set(key, (edited = edit(token)));
  }
  if (edited === undefined) throw new Error('no token is stored');
  return edited;
}

/** A scripted server that is closed after the test, and its metadata. */
export async function startScripted(
  script: Parameters<typeof startScriptedServer>[0] = {},
): Promise<{ server: ScriptedServer; metadata: AuthorizationServer }> {
  const server = await startScriptedServer(script);
  onTestFinished(() => server.close());
  const { origin } = server;
  const metadata = {
    issuer: origin,
    token_endpoint: `${origin}/token`,
    authorization_endpoint: `${origin}/authorize`,
    registration_endpoint: `${origin}/register`,
  };
  return { server, metadata };
}

/** The answer of a token endpoint. */
export function bearer(access_token: string, more: object = {}): Reply {
  return { json: { access_token, token_type: 'Bearer', expires_in: 3600, ...more } };
}

/** The authorization URL behind the one-time address that a login starts its browser with. */
export async function authorizationUrlAt(startUrl: string): Promise<URL> {
  const response = await fetch(startUrl, { redirect: 'manual' });
  return new URL(response.headers.get('location') ?? '');
}

/**
 * A browser whose user agrees at once. It keeps the authorization URLs.
 *
 * @param more parameters of the authorization response
 */
export function agreeingBrowser(more: Record<string, string> = {}): {
  openBrowser: (url: string) => Promise<Response>;
  urls: URL[];
} {
  const urls: URL[] = [];
  const openBrowser = async (startUrl: string): Promise<Response> => {
    const url = await authorizationUrlAt(startUrl);
    urls.push(url);
    const callback = new URL(url.searchParams.get('redirect_uri') ?? '');
    callback.search = new URLSearchParams({
      code: 'code',
      state: url.searchParams.get('state') ?? '',
      ...more,
    }).toString();
    return fetch(callback);
  };
  return { openBrowser, urls };
}

/** Answers with each reply in turn, and with the last one from then on. */
export function inTurn(...replies: Reply[]): () => Reply {
  let count = 0;
  return () => replies[Math.min(count++, replies.length - 1)] ?? {};
}

/** What came of one call of a manager in another process. */
export type CallResult =
  | { ok: true; access_token: string; events: string[] }
  | { ok: false; code: string; events: string[] };

/** What a process asks its manager for. */
export interface Job {
  directory: string;
  /** The directory of a token cache of its own. Without it the tokens are below `directory`. */
  ownDirectory?: string;
  target: Target;
  credentials: Credentials;
  /** Milliseconds for each request. */
  timeout?: number;
  rejected?: string;
  /** The option of the manager. */
  dpop?: true;
  /** The URL of a server that logs a user in at once. Without it no user can be asked. */
  agent?: string;
  /** How many calls at once. */
  calls?: number;
  /** More targets and credentials, asked for after the first ones. */
  more?: { target: Target; credentials: Credentials }[];
}

/** A process that runs a {@link Job}. */
export interface JobProcess extends TestProcess {
  /** Lets the job begin. */
  go: () => void;
  results: Promise<CallResult[]>;
}

/** Starts a process for `job`. The job begins with `go`. */
function prepareJob(job: Job): JobProcess {
  const child = startProcess(join(import.meta.dirname, 'programs', 'get.ts'), {
    input: true,
    // Such a process spends most of its time on stripping types, which the cache saves.
    env: { ...process.env, ...environmentOf(job.directory), NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  const results = child.ended.then(({ stdout }) => JSON.parse(stdout.split('\n')[1] || '[]') as CallResult[]);
  const go = (): void => {
    child.write(JSON.stringify(job));
    child.endInput();
  };
  return { ...child, go, results };
}

/** Runs `job` in a process of its own. */
export function startJob(job: Job): JobProcess {
  const child = prepareJob(job);
  child.go();
  return child;
}

/** Runs `job` in `count` processes that begin at the same time. */
export async function runTogether(count: number, job: Job): Promise<CallResult[]> {
  const children = Array.from({ length: count }, () => prepareJob(job));
  await Promise.all(children.map((child) => child.printed('ready\n')));
  for (const child of children) child.go();
  return (await Promise.all(children.map(({ results }) => results))).flat();
}
