import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import { mountSmallDisk, startProcess } from '@oa-internal/testing';
import { monotonicMs } from '@oa-internal/testing/child';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { cacheFile, fileTokenCache } from '@oa/token-cache';
import { isOAuthError, OAuthError } from '@oa/types';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { getToken, identity, key, type Moment, type PipelineTask } from './pipeline.ts';
import { allAtOnce, expired, place, startRotatingServer } from './scenarios.ts';

const PROCESSES = 10;
const disk = mountSmallDisk(256);
afterAll(() => disk.close());
vi.setConfig({ testTimeout: 60_000 });

describe('D3: many at once', () => {
  test('processes with one expired rotating refresh token: 1 request, 0 reuse, all succeed', async () => {
    await using as = await startRotatingServer();
    using at = place();
    await at.store(expired);
    const answers = await allAtOnce(at, PROCESSES, { endpoint: as.endpoint, grant: 'refresh_token' });
    expect(answers).toEqual(Array.from({ length: PROCESSES }, () => 'token at-1-s3cret'));
    expect([as.server.requests.length, as.reused()]).toEqual([1, 0]);
    expect(await at.stored()).toMatchObject({ refresh_token: 'rt-1-s3cret' });
  });

  test('processes with an empty cache: 1 request', async () => {
    await using as = await startRotatingServer();
    using at = place();
    const answers = await allAtOnce(at, PROCESSES, { endpoint: as.endpoint, grant: 'client_credentials' });
    expect(new Set(answers)).toEqual(new Set(['token at-1-s3cret']));
    expect(as.server.requests).toHaveLength(1);
  });

  test('200 promises in one process: 1 request', async () => {
    await using as = await startRotatingServer();
    using at = place();
    const task: PipelineTask = { directory: at.directory, endpoint: as.endpoint, grant: 'client_credentials' };
    const cache = fileTokenCache(task);
    const tokens = await Promise.all(Array.from({ length: 200 }, async () => getToken(task, cache)));
    expect(new Set(tokens.map((token) => token.access_token)).size).toBe(1);
    expect(as.server.requests).toHaveLength(1);
  });

  test('8 worker threads: 1 request', async () => {
    await using as = await startRotatingServer();
    using at = place();
    const workerData: PipelineTask = { directory: at.directory, endpoint: as.endpoint, grant: 'client_credentials' };
    const tokens = Array.from({ length: 8 }, async () => {
      const worker = new Worker(new URL('programs/thread.ts', import.meta.url), {
        workerData,
        execArgv: ['--conditions=@oa/source'],
      });
      return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    });
    expect(new Set(await Promise.all(tokens)).size).toBe(1);
    expect(as.server.requests).toHaveLength(1);
  });

  test('a server that answers 503: at most 3 requests, typed errors, tokens kept', async () => {
    await using server = await startScriptedServer({ '/token': { status: 503, json: {}, delay: 300 } });
    using at = place();
    await at.store(expired);
    const answers = await allAtOnce(at, PROCESSES, { endpoint: `${server.origin}/token`, grant: 'refresh_token' });
    expect(server.requests.length).toBeLessThanOrEqual(3);
    expect(new Set(answers)).toEqual(new Set(['error http_error']));
    expect(await at.stored()).toEqual(expired);
  });
});

describe('D5, D1: the holder dies', () => {
  test.for<[Moment, string, number]>([
    ['before', 'token at-1-s3cret', 1],
    ['between', 'error refresh_interrupted', 2],
    ['after', 'token at-1-s3cret', 1],
  ])('%s: the next one goes on within 250 ms, and ends with: %s', async ([waits, outcome, requests]) => {
    await using as = await startRotatingServer(0);
    using at = place();
    await at.store(expired);
    at.release();
    const victim = at.start({ endpoint: as.endpoint, grant: 'refresh_token', waits });
    await victim.printed(`waiting ${waits}`);
    const next = at.start({ endpoint: as.endpoint, grant: 'refresh_token' });
    await next.printed('ready');
    await sleep(300);
    const killed = monotonicMs();
    victim.kill('SIGKILL');
    const { stdout } = await next.ended;
    expect(stdout).toContain(outcome);
    expect(as.server.requests).toHaveLength(requests);
    // Who has only to adopt what was stored did so without the lock, before the kill.
    const [, went = ''] = /(?:locked|token \S+) ([\d.]+)/.exec(stdout) ?? [];
    expect(went).not.toBe('');
    expect(Number(went) - killed).toBeLessThan(250);
  });

  test('D1: killed between the answer and the write: the next refresh says why it failed, and asks once', async () => {
    await using as = await startRotatingServer(0);
    using at = place();
    await at.store(expired);
    at.release();
    const victim = at.start({ endpoint: as.endpoint, grant: 'refresh_token', waits: 'between' });
    await victim.printed('waiting between');
    victim.kill('SIGKILL');
    await victim.ended;
    const next = await at.start({ endpoint: as.endpoint, grant: 'refresh_token' }).ended;
    expect(next.stdout).toContain('error refresh_interrupted');
    expect(as.server.requests).toHaveLength(2);
    // The session is over: what it left is gone, and a new login starts clean.
    expect(await at.stored()).toBeUndefined();
    await at.store(expired);
    const cache = fileTokenCache(at);
    expect(await cache.lock(key, async () => cache.reserve(key))).toEqual({ interrupted: false });
  });

  test('D5: stopped in the middle of its request: nobody takes over, and all get its token', async () => {
    await using as = await startRotatingServer(500);
    using at = place();
    await at.store(expired);
    at.release();
    const holder = at.start({ endpoint: as.endpoint, grant: 'refresh_token' });
    while (as.server.requests.length === 0) await sleep(5);
    holder.kill('SIGSTOP');
    const waiting = [1, 2, 3].map(() => at.start({ endpoint: as.endpoint, grant: 'refresh_token' }));
    await Promise.all(waiting.map((program) => program.printed('ready')));
    await sleep(2000);
    expect(as.server.requests).toHaveLength(1);
    holder.kill('SIGCONT');
    for (const { stdout } of await Promise.all([holder, ...waiting].map((program) => program.ended)))
      expect(stdout).toContain('token at-1-s3cret');
    expect([as.server.requests.length, as.reused()]).toEqual([1, 0]);
  });

  test('D1: SIGTERM during the request: the caller rejects at once, the answer is stored, the lock is free', async () => {
    await using as = await startRotatingServer(500);
    using at = place();
    await at.store(expired);
    at.release();
    const program = at.start({ endpoint: as.endpoint, grant: 'refresh_token' });
    while (as.server.requests.length === 0) await sleep(5);
    program.kill('SIGTERM');
    await program.printed('error terminated');
    expect(await at.stored()).toEqual(expired);
    expect((await program.ended).code).toBe(0);
    expect(await at.stored()).toMatchObject({ refresh_token: 'rt-1-s3cret' });
    expect(await fileTokenCache(at).lock(key, async () => 'free', { timeout: 0 })).toBe('free');
  });
});

describe('D4: invalid_grant', () => {
  test('to a loser, while a winner stored a newer token: the loser adopts it', async () => {
    using at = place();
    await using server = await startScriptedServer(async () => {
      // A winner that does not share the lock, on another machine say.
      await at.store({
        ...expired,
        access_token: 'at-w',
        refresh_token: 'rt-w',
        expires_at: 2_000_000_000,
        expires_in: 1_000_000_000,
      });
      return { status: 400, json: { error: 'invalid_grant' } };
    });
    await at.store(expired);
    const task: PipelineTask = { directory: at.directory, endpoint: `${server.origin}/token`, grant: 'refresh_token' };
    expect(await getToken(task)).toMatchObject({ access_token: 'at-w' });
    expect(await at.stored()).toMatchObject({ refresh_token: 'rt-w' });
  });
});

describe('a failure', () => {
  test('is shared by those who were already waiting, with all it says, and by nobody later', async () => {
    using at = place();
    let asked = 0;
    await using server = await startScriptedServer(() => {
      asked += 1;
      return { status: 429, json: { error: 'slow_down' }, delay: 200 };
    });
    const task: PipelineTask = {
      directory: at.directory,
      endpoint: `${server.origin}/token`,
      grant: 'client_credentials',
    };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, async () => getToken(task, fileTokenCache(task))),
    );
    const reasons = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason as unknown) : undefined,
    );
    for (const reason of reasons)
      expect(reason).toMatchObject({
        name: 'OAuthError',
        code: 'oauth_error',
        error: 'slow_down',
        status: 429,
        retryable: false,
      });
    expect(asked).toBe(1);
    await expect(getToken(task)).rejects.toMatchObject({ code: 'oauth_error' });
    expect(asked).toBe(2);
    server.script({ '/token': { json: { access_token: 'a', token_type: 'Bearer', expires_in: 60 } } });
    await getToken(task);
    expect(readdirSync(at.directory).filter((name) => name.includes('failure'))).toEqual([]);
  });

  test('that is of one process alone is not shared: the next one may have a person to ask', async () => {
    using at = place();
    const nobody = new OAuthError('login_required', 'nobody here');
    const cron = fileTokenCache(at).lock(key, async () => sleep(100).then(() => Promise.reject(nobody)));
    const terminal = fileTokenCache(at).lock(key, async () => 'logged in');
    await expect(cron).rejects.toBe(nobody);
    expect(await terminal).toBe('logged in');
  });

  test('that is a bug is not shared', async () => {
    using at = place();
    const cache = fileTokenCache(at);
    const works = [1, 2].map(async (i) =>
      cache.lock(key, async () => sleep(50).then(() => Promise.reject(new RangeError(String(i))))),
    );
    const messages = (await Promise.allSettled(works)).map((work) => work.status === 'rejected' && String(work.reason));
    expect(new Set(messages)).toEqual(new Set(['RangeError: 1', 'RangeError: 2']));
  });

  test.for(['', 'null', '{"code":5,"message":"m"}', '{"code":"network_error"}'])(
    'whose record is damaged (%s) is not shared',
    async (record) => {
      using at = place();
      await at.store(expired);
      const failures = cacheFile(identity, at).replace('.json', '.failure');
      const cache = fileTokenCache(at);
      const free = Promise.withResolvers<void>();
      const holder = cache.lock(key, async () => free.promise);
      await sleep(50);
      const waiter = cache.lock(key, async () => 'own work');
      await sleep(100);
      writeFileSync(failures, record, { mode: 0o600 });
      await sleep(100);
      free.resolve();
      await holder;
      expect(await waiter).toBe('own work');
    },
  );
});

describe.skipIf(disk.refused !== undefined)('D1: a disk without room', () => {
  test('before the request: it is not sent; filling during it: the answer is stored', async () => {
    await using as = await startRotatingServer(50);
    const task: PipelineTask = {
      directory: join(disk.directory, 'tokens'),
      endpoint: as.endpoint,
      grant: 'refresh_token',
    };
    const cache = fileTokenCache(task);
    await cache.set(key, expired);
    for (const room of [0, 16 * 1024]) {
      disk.fill(room);
      await expect(getToken(task)).rejects.toMatchObject({ code: 'storage_unavailable' });
      expect(as.server.requests).toHaveLength(0);
      expect(await fileTokenCache(task).get(key)).toEqual(expired);
      disk.empty();
    }
    const getting = getToken(task);
    while (as.server.requests.length === 0) await sleep(1);
    disk.fill(0);
    expect(await getting).toMatchObject({ access_token: 'at-1-s3cret' });
    expect(await fileTokenCache(task).get(key)).toMatchObject({ refresh_token: 'rt-1-s3cret' });
  });

  test('read-only: what is stored is read; a lock is refused before any request', async () => {
    disk.empty();
    const task: PipelineTask = {
      directory: join(disk.directory, 'tokens'),
      endpoint: 'http://127.0.0.1:1/',
      grant: 'refresh_token',
    };
    await fileTokenCache(task).set(key, expired);
    disk.remount('ro');
    try {
      await expect(getToken(task)).rejects.toMatchObject({ code: 'storage_unavailable' });
      expect(await fileTokenCache(task).get(key)).toEqual(expired);
    } finally {
      disk.remount('rw');
    }
  });
});

test('reserve without the lock is a TypeError; with it, it can be called again', async () => {
  using at = place();
  const cache = fileTokenCache(at);
  await expect(cache.reserve(key)).rejects.toThrow(TypeError);
  await cache.lock(key, async () => {
    await cache.reserve(key);
    expect(await cache.reserve(key)).toEqual({ interrupted: false });
  });
  expect(readdirSync(at.directory).filter((name) => name.endsWith('pending'))).toEqual([]);
});

describe('D7: secrets', () => {
  test('are in the token file, and nowhere else: errors, arguments, lock, intent and failure files', async () => {
    await using as = await startRotatingServer(300);
    using at = place();
    await at.store(expired);
    at.release();
    const program = at.start({ endpoint: as.endpoint, grant: 'refresh_token' });
    while (as.server.requests.length === 0) await sleep(5);
    const argv = process.platform === 'linux' ? readFileSync(`/proc/${program.pid}/cmdline`, 'utf8') : '';
    expect(argv).not.toContain('s3cret');
    const files = readdirSync(at.directory);
    expect(files.map((name) => name.replace(/^v1\.[\da-f]{64}/, ''))).toEqual(
      expect.arrayContaining(['.json', '.json.lock', '.json.pending']),
    );
    for (const name of files.filter((name) => !name.endsWith('.json')))
      expect(readFileSync(join(at.directory, name), 'latin1')).not.toContain('s3cret');
    await program.ended;

    as.server.script({ '/token': { status: 400, json: { error: 'invalid_grant', error_description: 'no' } } });
    await at.store(expired);
    const task: PipelineTask = { directory: at.directory, endpoint: as.endpoint, grant: 'refresh_token' };
    const failure: unknown = await getToken(task).catch((error: unknown) => error);
    expect(isOAuthError(failure)).toBe(true);
    const { message, stack } = failure as Error;
    const told = [inspect(failure, { depth: 10, showHidden: true }), JSON.stringify(failure), message, stack].join();
    expect(told).toContain('invalid_grant');
    expect(told).not.toContain('s3cret');
    const left = readdirSync(at.directory);
    expect(left.some((name) => name.endsWith('.failure'))).toBe(true);
    for (const name of left) expect(readFileSync(join(at.directory, name), 'latin1')).not.toContain('s3cret');
  });
});

describe('a fresh hit', () => {
  const program = new URL('programs/hit.ts', import.meta.url);

  test('opens exactly one file, writes nothing, loads nothing heavy', async () => {
    using at = place();
    await at.store({ ...expired, expires_at: 2_000_000_000, expires_in: 1_000_000_000 });
    const names = readdirSync(at.directory);
    const { stdout, stderr } = await startProcess(program, { task: { directory: at.directory } }).ended;
    expect(stderr).toBe('');
    const seen = JSON.parse(stdout) as { token: string; opened: string[]; changed: string[]; modules: string[] };
    expect(seen.token).toBe('at-0-s3cret');
    expect(seen.opened).toEqual([join(at.directory, names[0] ?? '')]);
    expect(seen.changed).toEqual([]);
    expect(seen.modules.filter((name) => /sqlite|undici|http|child_process|valibot/.test(name))).toEqual([]);
    expect(readdirSync(at.directory)).toEqual(names);
  });
});
