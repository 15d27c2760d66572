import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createManager } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import type { Token } from '@oa/types';
import type { Reply } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import { bearer, startJob, startScripted, temporaryDirectory, type CallResult, type Job } from '../setup.ts';

const METADATA = '/.well-known/oauth-authorization-server';

/** A job whose tokens are in a directory of its own, as on a mounted volume, and a server that publishes its metadata with `headers`. */
async function prepare(
  headers: Record<string, string>,
  token: Reply,
): Promise<{ job: Job & { ownDirectory: string }; countOf: (path: string) => number }> {
  const { server, metadata } = await startScripted({
    '/token': token,
    [METADATA]: () => ({ json: metadata, headers }),
  });
  const directory = temporaryDirectory();
  return {
    job: {
      directory: join(directory, 'home'),
      ownDirectory: join(directory, 'volume'),
      target: server.origin,
      credentials: { client_id: 'c', client_secret: 's' },
    },
    countOf: (path) => server.requestsTo(path).length,
  };
}

/** Runs the job in one process after the other, each with one of the scopes. */
async function runInTurn(scopes: string[], { credentials, ...job }: Job): Promise<CallResult[]> {
  const results: CallResult[] = [];
  for (const scope of scopes)
    results.push(...(await startJob({ ...job, credentials: { ...credentials, scope } }).results));
  return results;
}

it.each(['max-age=3600', 'no-store'])(
  'reads metadata with %s once for three processes with a token cache in a directory of their own',
  async (control) => {
    const { job, countOf } = await prepare({ 'cache-control': control }, bearer('a'));
    expect(await runInTurn(['read', 'write', 'delete'], job)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    expect([countOf(METADATA), countOf('/token')]).toEqual([1, 3]);
    expect(readdirSync(job.ownDirectory)).toContain('servers');
    expect(existsSync(job.directory)).toBe(false);
  },
);

it('asks a server that wants a pause once for two such processes', async () => {
  const { job, countOf } = await prepare({}, { status: 429, headers: { 'retry-after': '900' } });
  expect(await runInTurn(['read', 'read'], job)).toMatchObject([
    { ok: false, code: 'http_error' },
    { ok: false, code: 'http_error' },
  ]);
  expect([countOf(METADATA), countOf('/token')]).toEqual([1, 1]);
  expect(existsSync(job.directory)).toBe(false);
});

it('keeps metadata in memory where the cache has no directory', async () => {
  const { job, countOf } = await prepare({ 'cache-control': 'max-age=3600' }, bearer('a'));
  process.env['XDG_CACHE_HOME'] = job.directory;
  for (let run = 0; run < 2; run += 1) {
    const manager = createManager({ app: 'test', cache: new Map<string, Token>(), interaction: 'never' });
    await manager.getToken(job.target, job.credentials);
  }
  expect(countOf(METADATA)).toBe(2);
  expect(existsSync(job.directory)).toBe(false);
});

it('keeps the files of a token cache of another program where that program has them', () => {
  process.env['XDG_CACHE_HOME'] = '/caches';
  expect(fileTokenCache({ app: 'other' }).directory()).toBe('/caches/other');
  expect(fileTokenCache({ directory: '/volume' }).directory()).toBe('/volume');
});
