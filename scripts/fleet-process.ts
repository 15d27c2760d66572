// A process of `pnpm fleet`: it asks for tokens 50 times a second until it is ended, and tells what it gets.
import { hash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createManager, type ManagerOptions } from '../packages/manager/src/index.ts';
import type { FleetJob, FleetReport } from './fleet.ts';
import { openFleetStore } from './fleet-store.ts';

const GET_INTERVAL_MS = 20;
const REPORT_INTERVAL_MS = 500;
/** Long enough for the signal that stops the process. */
const PAUSE_MS = 500;

const { engine, issuer, client_id, profiles, timeout } = JSON.parse(process.argv[2] ?? '{}') as FleetJob;
const { store } = await openFleetStore(engine);
/** Where the next refresh waits to be stopped. */
let pausePoint: string | undefined;

/** At once, so that the last report of a process that is killed is not lost. */
function report(entry: FleetReport): void {
  writeSync(1, `${JSON.stringify(entry)}\n`);
}

async function pauseAt(point: string): Promise<void> {
  if (pausePoint !== point) return;
  pausePoint = undefined;
  report({ paused: point });
  await sleep(PAUSE_MS);
}

const authentication: ManagerOptions['authentication'] = async ({ client }) => {
  await pauseAt('before the look');
  return { parameters: { client_id: client.client_id } };
};

const observedFetch: typeof fetch = async (url, init) => {
  const form = new URLSearchParams(typeof init?.body === 'string' ? init.body : '');
  const refresh = form.get('refresh_token');
  if (refresh === null) return fetch(url, init);
  await pauseAt('after the look');
  const digest = hash('sha256', refresh);
  report({ sends: digest });
  try {
    const response = await fetch(url, init);
    if (!response.ok) report({ ends: response.status });
    return response;
  } catch (error) {
    report({ unanswered: digest });
    throw error;
  }
};

const manager = createManager({
  app: 'fleet',
  cache: {
    ...store,
    async set(key, token) {
      await store.set(key, token);
      report({ ends: 200 });
    },
  },
  fetch: observedFetch,
  authentication,
  timeout,
  interaction: 'never',
});

let gets = 0;
let errors: Record<string, number> = {};
async function get(profile: string): Promise<void> {
  const result = await manager.get(issuer, { client_id, scope: 'openid offline_access', profile });
  if (result.ok) gets += 1;
  else {
    errors[result.error.code] = (errors[result.error.code] ?? 0) + 1;
    if (result.error.code === 'login_required' || result.error.code === 'refresh_interrupted')
      report({ loggedOut: profile });
  }
}

process.on('unhandledRejection', (error) => report({ bug: String(error) }));
process.on('message', (point) => (pausePoint = String(point)));
setInterval(() => {
  report({ gets, errors });
  gets = 0;
  errors = {};
}, REPORT_INTERVAL_MS);
let turn = 0;
setInterval(() => {
  turn += 1;
  const profile = profiles[turn % profiles.length];
  if (profile !== undefined) void get(profile);
}, GET_INTERVAL_MS);
