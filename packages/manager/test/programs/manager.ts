import { createManager, type Manager } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import type { OAuthEvent } from '@oa/types';
import type { Job } from '../setup.ts';

/** The manager of a process. Its files are where the test says. */
export function managerFor(job: Job, onEvent: (event: OAuthEvent) => void): Manager {
  return createManager({
    app: 'test',
    ...(job.ownDirectory === undefined ? {} : { cache: fileTokenCache({ directory: job.ownDirectory }) }),
    ...(job.agent === undefined ? { interaction: 'never' } : { login: { openBrowser: visit(job.agent) } }),
    onEvent,
    ...(job.dpop === undefined ? {} : { dpop: job.dpop }),
    ...(job.timeout === undefined ? {} : { timeout: job.timeout }),
  });
}

function visit(agent: string): (url: string) => Promise<Response> {
  return (url) => fetch(`${agent}/?${new URLSearchParams({ url }).toString()}`);
}
