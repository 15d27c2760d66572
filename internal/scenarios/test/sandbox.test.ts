// How managers in many processes share one token, when one of them is killed, stopped or terminated.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createSandbox,
  EXPIRED_TOKEN,
  getTogether,
  startRotatingServer,
  type GetTask,
  type Pause,
} from '@oa-internal/scenarios';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { createManager } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import { describe, expect, it, vi } from 'vitest';

const PROCESSES = 10;
vi.setConfig({ testTimeout: 300_000 });

async function requested(server: ScriptedServer): Promise<void> {
  await expect.poll(() => server.requests.length, { timeout: 20_000 }).toBeGreaterThan(0);
}

const refreshAt = (endpoint: string): GetTask => ({ endpoint, grant: 'refresh_token' });

describe('many processes at the same moment', () => {
  it('with one expired rotating refresh token: 1 request, no token is used twice, all succeed', async () => {
    await using as = await startRotatingServer(100);
    using sandbox = createSandbox();
    await sandbox.store(EXPIRED_TOKEN);
    const answers = await getTogether(sandbox, PROCESSES, refreshAt(as.endpoint));
    expect(answers).toEqual(Array.from({ length: PROCESSES }, () => 'token at-1-s3cret'));
    expect([as.server.requests.length, as.reused()]).toEqual([1, 0]);
    expect(await sandbox.stored()).toMatchObject({ refresh_token: 'rt-1-s3cret' });
  });

  it('with an empty cache: 1 request', async () => {
    await using as = await startRotatingServer(100);
    using sandbox = createSandbox();
    const answers = await getTogether(sandbox, PROCESSES, { endpoint: as.endpoint, grant: 'client_credentials' });
    expect(new Set(answers)).toEqual(new Set(['token at-1-s3cret']));
    expect(as.server.requests).toHaveLength(1);
  });

  it('with a server that answers 503: at most 3 requests, typed errors, and the refresh token is kept', async () => {
    const allWait = Promise.withResolvers<void>();
    await using server = await startScriptedServer(async () => {
      await allWait.promise;
      return { status: 503, json: {} };
    });
    using sandbox = createSandbox();
    await sandbox.store(EXPIRED_TOKEN);
    const task = refreshAt(`${server.origin}/token`);
    const answers = await getTogether(sandbox, PROCESSES, task, allWait.resolve);
    expect(server.requests.length).toBeLessThanOrEqual(3);
    expect(new Set(answers)).toEqual(new Set(['error http_error']));
    expect(await sandbox.stored()).toEqual(EXPIRED_TOKEN);
  });
});

describe('a refresh', () => {
  it.for<[Pause, string, number]>([
    ['before the request', 'token at-1-s3cret', 1],
    ['before the write', 'error refresh_interrupted', 2],
    ['after the write', 'token at-1-s3cret', 1],
  ])('whose process is killed %s: a waiting process continues and prints "%s"', async ([pause, outcome, requests]) => {
    await using as = await startRotatingServer(0);
    using sandbox = createSandbox();
    await sandbox.store(EXPIRED_TOKEN);
    sandbox.release();
    const victim = sandbox.start({ ...refreshAt(as.endpoint), pause });
    await victim.printed(`paused ${pause}`);
    const next = sandbox.start(refreshAt(as.endpoint));
    // After the write there is nothing to wait for.
    await next.printed(/waiting|token/);
    victim.kill('SIGKILL');
    const { code, stdout, stderr } = await next.ended;
    expect([code, stdout.trim().split('\n').at(-1), stderr]).toEqual([0, outcome, '']);
    expect(as.server.requests).toHaveLength(requests);
  });

  it('whose process is killed before the write: the next refresh is sent once and says why it failed, then a login starts anew', async () => {
    await using as = await startRotatingServer(0);
    using sandbox = createSandbox();
    await sandbox.store(EXPIRED_TOKEN);
    sandbox.release();
    const victim = sandbox.start({ ...refreshAt(as.endpoint), pause: 'before the write' });
    await victim.printed('paused before the write');
    victim.kill('SIGKILL');
    await victim.ended;
    const next = await sandbox.start(refreshAt(as.endpoint)).ended;
    expect(next.stdout).toContain('error refresh_interrupted');
    expect(as.server.requests).toHaveLength(2);
    // The session has ended: its refresh token is deleted, and the next reservation finds no interruption.
    expect((await sandbox.stored())?.refresh_token).toBeUndefined();
    await sandbox.store(EXPIRED_TOKEN);
    const cache = fileTokenCache(sandbox);
    const reserved = await cache.lock(sandbox.key, async () => cache.reserve(sandbox.key));
    expect(reserved.interrupted).toBe(false);
  });

  it('whose process is stopped during the request keeps the lock, and all processes get its token', async () => {
    const stopped = Promise.withResolvers<void>();
    await using as = await startRotatingServer(stopped.promise);
    using sandbox = createSandbox();
    await sandbox.store(EXPIRED_TOKEN);
    sandbox.release();
    const holder = sandbox.start(refreshAt(as.endpoint));
    await requested(as.server);
    holder.kill('SIGSTOP');
    stopped.resolve();
    const waiting = [1, 2, 3].map(() => sandbox.start(refreshAt(as.endpoint)));
    await Promise.all(waiting.map((program) => program.printed('ready')));
    await sleep(2000);
    expect(as.server.requests).toHaveLength(1);
    holder.kill('SIGCONT');
    for (const { stdout } of await Promise.all([holder, ...waiting].map((program) => program.ended)))
      expect(stdout).toContain('token at-1-s3cret');
    expect([as.server.requests.length, as.reused()]).toEqual([1, 0]);
  });

  it('that is aborted on SIGTERM rejects at once, stores the answer, and frees the lock', async () => {
    const aborted = Promise.withResolvers<void>();
    await using as = await startRotatingServer(aborted.promise);
    using sandbox = createSandbox();
    await sandbox.store(EXPIRED_TOKEN);
    sandbox.release();
    const program = sandbox.start(refreshAt(as.endpoint));
    await requested(as.server);
    program.kill('SIGTERM');
    await program.printed('error terminated');
    expect(await sandbox.stored()).toEqual(EXPIRED_TOKEN);
    aborted.resolve();
    expect((await program.ended).code).toBe(0);
    expect(await sandbox.stored()).toMatchObject({ refresh_token: 'rt-1-s3cret' });
    expect(await fileTokenCache(sandbox).lock(sandbox.key, async () => 'free', { timeout: 0 })).toBe('free');
  });
});

it('secrets are in the token file only: not in arguments, in lock, reservation and failure files, or in errors', async () => {
  const inspected = Promise.withResolvers<void>();
  await using as = await startRotatingServer(inspected.promise);
  using sandbox = createSandbox();
  await sandbox.store(EXPIRED_TOKEN);
  sandbox.release();
  const program = sandbox.start(refreshAt(as.endpoint));
  await requested(as.server);
  const argv = process.platform === 'linux' ? readFileSync(`/proc/${program.pid}/cmdline`, 'utf8') : '';
  expect(argv).not.toContain('s3cret');
  const files = readdirSync(sandbox.directory);
  expect(files.map((name) => name.replace(/^v1\.[\da-f]{64}/, ''))).toEqual(
    expect.arrayContaining(['.json', '.json.lock', '.json.pending']),
  );
  for (const name of files.filter((name) => !name.endsWith('.json')))
    expect(readFileSync(join(sandbox.directory, name), 'latin1')).not.toContain('s3cret');
  inspected.resolve();
  await program.ended;

  // The first refusal ends the session. The second one can succeed later, and is shared through a failure file.
  for (const [status, error] of [[400, 'invalid_grant'] as const, [503, 'temporarily_unavailable'] as const]) {
    as.server.script({ '/token': { status, json: { error, error_description: 'no' } } });
    await sandbox.store(EXPIRED_TOKEN);
    const manager = createManager({ cache: fileTokenCache(sandbox), interaction: 'never' });
    const server = { issuer: sandbox.issuer, token_endpoint: as.endpoint };
    const shown = inspectAll(await rejectionOf(manager.getToken(server, { client_id: sandbox.client_id })));
    expect(shown).toContain(error);
    expect(shown).not.toContain('s3cret');
  }
  const left = readdirSync(sandbox.directory);
  expect(left.some((name) => name.endsWith('.failure'))).toBe(true);
  for (const name of left.filter((name) => !name.endsWith('.json')))
    expect(readFileSync(join(sandbox.directory, name), 'latin1')).not.toContain('s3cret');
});
