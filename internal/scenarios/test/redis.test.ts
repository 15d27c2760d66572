import { inspect } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectAll } from '@oa-internal/testing';
import { findRedis } from '@oa-internal/testing/redis';
import { createManager } from '@oa/manager';
import { redisStore } from '@oa/store-redis';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { lastLineOf, startRedisScenario, type RedisScenario } from '../src/redis.ts';

const program = findRedis('the manager over Redis') ?? '';
const LEASE_MS = 3000;

/** Whether a script frees the lock. */
function isEnd(script: string): boolean {
  return script.includes("'DEL'") && !script.includes("'HSET'");
}

async function startScenario(isDurable = true): Promise<RedisScenario> {
  const scenario = await startRedisScenario(program, { lease: LEASE_MS, isDurable });
  await scenario.expire();
  scenario.server.requests.length = 0;
  return scenario;
}

describe.skipIf(program === '')('the manager over Redis', () => {
  it.each(['redis', 'ioredis'] as const)(
    'makes one refresh for 8 processes with one expired rotating refresh token, with the client of %s',
    async (library) => {
      await using scenario = await startScenario();
      const programs = Array.from({ length: 8 }, () => scenario.start({ library }));
      await Promise.all(programs.map((each) => each.printed('ready\n')));
      scenario.release();
      const lines = await Promise.all(programs.map(lastLineOf));
      const { access_token } = (await scenario.stored()) ?? {};
      expect(lines).toEqual(Array.from({ length: 8 }, () => `token ${access_token}`));
      expect(scenario.refreshes()).toBe(1);
      expect(await scenario.isAlive()).toBe(true);
    },
  );

  it('refreshes in the next process after its holder was killed before the request', async () => {
    await using scenario = await startScenario();
    const holder = scenario.start({ pause: 'before the request' });
    scenario.release();
    await holder.printed('paused before the request');
    const next = scenario.start({ library: 'ioredis' });
    await next.printed('waiting');
    holder.kill('SIGKILL');
    expect(await lastLineOf(next)).toMatch(/^token /);
    expect(scenario.refreshes()).toBe(1);
    expect(await scenario.isAlive()).toBe(true);
  });

  it('says refresh_interrupted after its holder was killed with the request out', async () => {
    await using scenario = await startScenario();
    const holder = scenario.start({ pause: 'before the write' });
    scenario.release();
    await holder.printed('paused before the write');
    const next = scenario.start();
    await next.printed('waiting');
    holder.kill('SIGKILL');
    expect(await lastLineOf(next)).toBe('error refresh_interrupted');
    expect(scenario.refreshes()).toBe(2);
  });

  it('adopts the token of a holder that was killed after its write', async () => {
    await using scenario = await startScenario();
    const holder = scenario.start({ pause: 'after the write' });
    scenario.release();
    await holder.printed('paused after the write');
    const next = scenario.start();
    const line = await lastLineOf(next);
    holder.kill('SIGKILL');
    expect(line).toBe(`token ${(await scenario.stored())?.access_token}`);
    expect(scenario.refreshes()).toBe(1);
    expect(await scenario.isAlive()).toBe(true);
  });

  it('gives up in a holder that was stopped between its lock and the request for longer than its lease; no refresh token is used twice', async () => {
    await using scenario = await startScenario();
    const holder = scenario.start({ pause: 'before the request' });
    scenario.release();
    await holder.printed('paused before the request');
    holder.kill('SIGSTOP');
    const next = scenario.start();
    expect(await lastLineOf(next)).toMatch(/^token /);
    expect(scenario.refreshes()).toBe(1);
    scenario.resume();
    holder.kill('SIGCONT');
    expect(await lastLineOf(holder)).toBe('error lock_lost');
    expect(scenario.refreshes()).toBe(1);
    expect(await scenario.isAlive()).toBe(true);
  });

  it.each([
    ['with its data', true],
    ['without its data', false],
  ])('stores the new token when Redis restarts %s while the request is out', async (_, isDurable) => {
    await using scenario = await startScenario(isDurable);
    const holder = scenario.start({ pause: 'before the write' });
    scenario.release();
    await holder.printed('paused before the write');
    await scenario.redis.end('SIGKILL');
    await scenario.redis.start();
    scenario.resume();
    const line = await lastLineOf(holder);
    expect(line).toMatch(/^token /);
    await expect
      .poll(scenario.stored, { timeout: 20_000 })
      .toMatchObject({ access_token: line.slice('token '.length) });
    expect(scenario.refreshes()).toBe(1);
    expect(await scenario.isAlive()).toBe(true);
  });

  it.each([
    ['stopped', async ({ redis }: RedisScenario) => redis.signal('SIGSTOP')],
    ['killed', async ({ redis }: RedisScenario) => redis.end('SIGKILL')],
  ])('sends no refresh while Redis is %s, and says storage_unavailable', async (_, away) => {
    await using scenario = await startScenario();
    const client = new Redis(scenario.redis.url);
    client.on('error', () => undefined);
    const cache = redisStore({ client, lease: LEASE_MS });
    const manager = createManager({ app: 'scenario', cache, interaction: 'never' });
    // It has read the expired token.
    await cache.get(scenario.key);
    await away(scenario);
    const other = scenario.start({ library: 'ioredis' });
    scenario.release();
    for (let call = 0; call < 2; call += 1)
      expect(await manager.get(scenario.target, scenario.credentials)).toMatchObject({
        ok: false,
        error: { code: 'storage_unavailable', retryable: true },
      });
    expect(await lastLineOf(other)).toBe('error storage_unavailable');
    client.disconnect();
    expect(scenario.refreshes()).toBe(0);
  });

  it('serves a token that is still valid while Redis is away', async () => {
    await using scenario = await startScenario();
    const { access_token } = await createManager({ app: 'scenario', cache: scenario.store }).getToken(
      scenario.target,
      scenario.credentials,
    );
    const client = new Redis(scenario.redis.url);
    client.on('error', () => undefined);
    const cache = redisStore({ client, lease: LEASE_MS });
    const manager = createManager({ app: 'scenario', cache, interaction: 'never' });
    await manager.getToken(scenario.target, scenario.credentials);
    await scenario.redis.end('SIGKILL');
    // Longer than a token is served from memory without a look.
    await sleep(1500);
    for (let call = 0; call < 3; call += 1)
      expect(await manager.getToken(scenario.target, scenario.credentials)).toMatchObject({ access_token });
    client.disconnect();
    expect(scenario.refreshes()).toBe(1);
  });

  it('costs four round trips for a refresh besides the token request, and none for a token in memory', async () => {
    await using scenario = await startScenario();
    const inner = new Redis(scenario.redis.url);
    const freeing = Promise.withResolvers<void>();
    const scripts: string[] = [];
    const call = async (command: string, ...args: string[]): Promise<unknown> => {
      const script = `${command} ${args[0]}`;
      scripts.push(script);
      const answer = await inner.call(command, ...args);
      if (isEnd(script)) await freeing.promise;
      return answer;
    };
    const cache = redisStore({ client: { call } });
    const manager = createManager({ app: 'scenario', cache, interaction: 'never' });
    const get = async (): Promise<unknown> => manager.getToken(scenario.target, scenario.credentials);
    await get();
    // Read, lock, sign, token. Then the lock is freed, and the call has not waited for the answer.
    expect(scripts.map(isEnd)).toEqual([false, false, false, false, true]);
    freeing.resolve();
    await scenario.redis.ask('PING');
    await get();
    const sent = scripts.length;
    await Promise.all(Array.from({ length: 100 }, get));
    expect(scripts).toHaveLength(sent);
    expect(scripts.every((script) => script.startsWith('EVAL '))).toBe(true);
    inner.disconnect();
    expect(scenario.refreshes()).toBe(1);
  });

  it('shows no secret in errors, events and the names of the keys', async () => {
    const password = 'pl4nted-passw0rd';
    await using scenario = await startRedisScenario(program, { lease: LEASE_MS, password });
    const token = await scenario.stored();
    await scenario.expire();
    const keys = await scenario.redis.ask('KEYS', '*');
    const secrets = [password, token?.access_token ?? '', token?.refresh_token ?? ''];
    const client = new Redis(scenario.redis.url);
    client.on('error', () => undefined);
    const cache = redisStore({ client, lease: LEASE_MS });
    const events: unknown[] = [];
    const onEvent = (event: unknown): void => void events.push(event);
    const manager = createManager({ app: 'scenario', cache, interaction: 'never', onEvent });
    await cache.get(scenario.key);
    await scenario.redis.end('SIGKILL');
    const result = await manager.get(scenario.target, scenario.credentials);
    client.disconnect();
    const shown = [keys, inspect([events, cache, manager], { depth: 10, showHidden: true })];
    if (!result.ok) shown.push(inspectAll(result.error));
    expect(shown).toHaveLength(3);
    expect(JSON.stringify(events)).toContain('store_unavailable');
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(10);
      expect(shown.join('\n')).not.toContain(secret);
    }
  });
});
