// The jobs in which several processes share one session.
import { setTimeout as sleep } from 'node:timers/promises';
import { settingsOf, type Bench, type Figure } from './bench.ts';
import { runWorker, type WorkerSettings } from './worker-process.ts';

export const STAMPEDE_PROCESSES = 20;
/** Long enough for all processes to start before the first one has its answer: a peer that starts slowly must not win by that. */
export const SLOW_SERVER_MS = 5000;
const SHORT_LIFETIME_SECONDS = 1;
const SAMPLE_MS = 2000;

/** All processes start at once with one refresh token, which the server accepts once. */
export async function measureStampede(adapter: string, bench: Bench): Promise<Figure> {
  const settings = await expiredSession(adapter, bench);
  await bench.server.set({ delayMs: SLOW_SERVER_MS });
  const ends = await Promise.allSettled(
    Array.from({ length: STAMPEDE_PROCESSES }, () => runWorker(adapter, 'refresh', settings)),
  );
  const { tokenRequests, revokedSessions } = await bench.server.counts();
  const value = ends.filter(({ status }) => status === 'fulfilled').length;
  return { value, counts: { 'token requests': tokenRequests, 'sessions revoked': revokedSessions } };
}

async function expiredSession(adapter: string, bench: Bench): Promise<WorkerSettings> {
  const settings = settingsOf(bench);
  await bench.server.set({ lifetimeSeconds: SHORT_LIFETIME_SECONDS });
  await runWorker(adapter, 'login', settings);
  await sleep(SHORT_LIFETIME_SECONDS * 1000 + 100);
  return settings;
}

/** One process refreshes at a slow server. The other one, which is measured, starts when the request has arrived. */
export async function measureWaiting(adapter: string, bench: Bench): Promise<Figure> {
  const settings = await expiredSession(adapter, bench);
  await bench.server.set({ delayMs: 4 * SAMPLE_MS });
  const holder = runWorker(adapter, 'refresh', settings);
  while ((await bench.server.counts()).tokenRequests === 0) await sleep(20);
  const { waitingMs = NaN } = await runWorker(adapter, 'wait', { ...settings, sampleMs: SAMPLE_MS });
  await holder;
  return { value: waitingMs };
}
