import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createManager } from '@oa/manager';
import { postgresStore } from '@oa/store-postgres';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isInstalled, startSession, usePostgres } from './setup.ts';

/** How often the engine sent an answer, and what was asked. */
interface Trips {
  count: () => number;
  reset: () => void;
  port: number;
}

describe.skipIf(!isInstalled)('the round trips to the engine', () => {
  const fixture = usePostgres();

  /** A proxy that sees each answer: what the program sends waits until the one before is answered, so each is a round trip. */
  async function countTrips(): Promise<Trips> {
    let count = 0;
    const proxy = createServer((socket) => {
      const target = connect(fixture.server.port, '127.0.0.1');
      // Before the answer, so that a trip is over when the program has it.
      target.on('data', (data) => {
        // ReadyForQuery ends each answer (protocol 3.0).
        if (data.subarray(-6, -1).equals(Buffer.from([0x5a, 0, 0, 0, 5]))) count += 1;
        socket.write(data);
      });
      socket.on('data', (data) => target.write(data));
      for (const [each, other] of [
        [socket, target],
        [target, socket],
      ] as const)
        each.on('error', () => undefined).on('close', () => other.destroy());
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    onTestFinished(() => void proxy.close());
    return { count: () => count, reset: () => (count = 0), port: (proxy.address() as AddressInfo).port };
  }

  it('are 3 for a refresh, besides the look that finds the token expired; 0 for a token in memory', async () => {
    const session = await startSession(fixture);
    const trips = await countTrips();
    const url = Object.assign(new URL(fixture.server.connectionString), { port: String(trips.port) });
    const pool = fixture.pool({ connectionString: String(url) });
    const { target, credentials } = session;
    const options = { app: 'scenario', interaction: 'never' } as const;
    const manager = createManager({ ...options, cache: postgresStore({ pool }) });
    // Opens a connection, and loads all that a refresh needs.
    await session.expire();
    await manager.getToken(target, credentials);

    // The lock with the row, the sign and the write. The lock is freed while the token is returned already, which is the fourth answer.
    const refreshing = createManager({ ...options, cache: postgresStore({ pool }) });
    await session.expire();
    trips.reset();
    const token = await refreshing.getToken(target, credentials);
    const LOOK = 1;
    expect(trips.count()).toBeLessThanOrEqual(LOOK + 3);
    await expect.poll(() => trips.count(), { timeout: 20_000 }).toBe(LOOK + 3 + 1);
    expect(session.refreshes()).toBe(1);

    // A token that was read within the last second needs no look: an early refresh is these 3 alone.
    trips.reset();
    for (let call = 0; call < 100; call += 1) expect(await refreshing.getToken(target, credentials)).toEqual(token);
    expect(trips.count()).toBe(0);

    await sleep(1100);
    await refreshing.getToken(target, credentials);
    await refreshing.getToken(target, credentials);
    expect(trips.count()).toBe(1);
  });

  it('are 3 for a refresh of a token that was read within the last second', async () => {
    const session = await startSession(fixture);
    const trips = await countTrips();
    const url = Object.assign(new URL(fixture.server.connectionString), { port: String(trips.port) });
    const pool = fixture.pool({ connectionString: String(url) });
    const { target, credentials } = session;
    const cache = postgresStore({ pool });
    const manager = createManager({ app: 'scenario', interaction: 'never', cache });
    const current = await manager.getToken(target, credentials);
    session.server.requests.length = 0;
    for await (const key of cache.keys()) await cache.get(key);
    trips.reset();
    const token = await manager.getToken(target, credentials, { rejected: current.access_token });
    expect(token.access_token).not.toBe(current.access_token);
    expect(trips.count()).toBeLessThanOrEqual(3);
    await expect.poll(() => trips.count(), { timeout: 20_000 }).toBe(3 + 1);
    expect(session.refreshes()).toBe(1);
  });
});
