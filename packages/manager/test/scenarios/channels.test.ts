import { channel, subscribe, unsubscribe, type Channel } from 'node:diagnostics_channel';
import { createFetch } from '@oa/fetch';
import { createManager, type Credentials } from '@oa/manager';
import { OAuthError, type OAuthEvent, type Store, type Token } from '@oa/types';
import { observeChannels } from '@oa-internal/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import {
  aged,
  agreeingBrowser,
  bearer,
  changeStored,
  inTurn,
  managerAt,
  nearExpiry,
  startJob,
  startScripted,
  temporaryDirectory,
} from '../setup.ts';
import { login, server, user } from '../real-server.ts';

const job: Credentials = { client_id: 'PLANTED-CLIENT', client_secret: 'PLANTED-SECRET' };

/** The events that all managers publish. */
function publishedEvents(): OAuthEvent[] {
  const published: OAuthEvent[] = [];
  const listener = (event: unknown): number => published.push(event as OAuthEvent);
  subscribe('oa:event', listener);
  onTestFinished(() => {
    unsubscribe('oa:event', listener);
  });
  return published;
}

const offline = async (): Promise<Response> => {
  throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } });
};

it('publishes on oa:event the very events that onEvent receives, in the same sequence', async () => {
  const published = publishedEvents();
  const directory = temporaryDirectory();
  let later = 0;
  const { manager, events } = managerAt(directory, { login, now: () => Date.now() + later });
  const source = manager.source(server.issuer, user());
  await source();
  await manager.getToken(server.issuer, user());
  await source();
  later = 3_700_000;
  await Promise.all([source(), manager.getToken(server.issuer, user())]);
  await manager.logout(server.issuer, user());
  expect((await manager.get(server.issuer, user(), { interaction: 'never' })).ok).toBe(false);
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['grant_needed', 'login_waiting', 'obtained', 'cache_hit', 'refreshed', 'logged_out']),
  );
  expect(published.map(({ type }) => type)).toEqual(events.map(({ type }) => type));
  expect(published.every((event, index) => event === events[index])).toBe(true);
});

it('publishes the events of a manager without onEvent, and those of guessed endpoints with what was asked in vain', async () => {
  const published = publishedEvents();
  const { server: scripted } = await startScripted({ '/token': bearer('a') });
  const manager = createManager({ cache: new Map() });
  await manager.getToken(scripted.origin, job);
  const obtained = published.find(({ type }) => type === 'obtained');
  expect(obtained?.guessed_after).toHaveLength(2);
});

it('gives each call of oa:get its source: obtained, disk, memory, refreshed, adopted, stale', async () => {
  using observer = observeChannels();
  const directory = temporaryDirectory();
  let later = 0;
  const now = (): number => Date.now() + later;
  const { manager } = managerAt(directory, { login, now });
  const source = manager.source(server.issuer, user());
  const sources = (): unknown[] => observer.endsOf('oa:get').map((end) => end['source']);
  await source();
  // A write empties the memory of the token cache.
  await source();
  await source();
  await manager.get(server.issuer, user());
  await createFetch(source, { origins: [server.issuer] })(`${server.issuer}/me`);
  expect(sources()).toEqual(['obtained', 'disk', 'memory', 'memory', 'memory']);
  later = 3_700_000;
  await Promise.all([source(), manager.getToken(server.issuer, user())]);
  expect(sources().slice(5)).toEqual(expect.arrayContaining(['adopted', 'refreshed']));
  expect(sources()).toHaveLength(7);
  later += 3_570_000;
  const other = managerAt(directory, { fetch: offline, now }).manager;
  await Promise.all([other.getToken(server.issuer, user()), other.getToken(server.issuer, user())]);
  expect(sources().slice(7)).toEqual(['stale', 'stale']);
  for (const { issuer, grant_type, code } of observer.endsOf('oa:get'))
    expect([issuer, grant_type, code]).toEqual([server.issuer, 'authorization_code', undefined]);
  expect(observer.endsOf('oa:login')).toEqual([{ issuer: server.issuer, grant_type: 'authorization_code' }]);
  expect(observer.endsOf('oa:refresh').map(({ code }) => code)).toEqual([undefined, 'network_error']);
});

it('calls a token one of the memory also where more is asked for, and where it could not be written', async () => {
  using observer = observeChannels();
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const readOnly: Store<Token> = {
    get: () => undefined,
    set: () => {
      throw new OAuthError('storage_unavailable', 'The disk is read-only.');
    },
    delete: () => undefined,
  };
  for (const cache of [new Map<string, Token>(), readOnly]) {
    const { manager } = managerAt(temporaryDirectory(), { cache });
    await manager.getToken(metadata, job);
    await manager.getToken(metadata, job, { minimumValidity: 1000 });
  }
  const sources = observer.endsOf('oa:get').map(({ source }) => source);
  expect(sources).toEqual(['obtained', 'memory', 'obtained', 'memory']);
});

it('calls a token adopted that another process obtained meanwhile, and publishes the wait for its lock', async () => {
  using observer = observeChannels();
  const directory = temporaryDirectory();
  const answer = Promise.withResolvers<void>();
  const { server: scripted, metadata } = await startScripted({
    '/token': async () => {
      await answer.promise;
      return bearer('PLANTED-TOKEN');
    },
  });
  const { manager, events } = managerAt(directory);
  const other = startJob({ directory, target: metadata, credentials: job });
  await expect.poll(() => scripted.requestsTo('/token').length, { timeout: 60_000 }).toBe(1);
  const waiting = manager.getToken(metadata, job);
  await expect.poll(() => events.map(({ type }) => type), { timeout: 20_000 }).toContain('waiting');
  expect(observer.endsOf('oa:lock')).toEqual([]);
  answer.resolve();
  expect(await other.results).toMatchObject([{ ok: true }]);
  await waiting;
  const { issuer } = metadata;
  expect(observer.endsOf('oa:lock')).toEqual([{ issuer, outcome: 'adopted' }]);
  expect(observer.endsOf('oa:get')).toEqual([{ issuer, grant_type: 'client_credentials', source: 'adopted' }]);
  expect(JSON.stringify(observer.published)).not.toContain('PLANTED');
});

it('publishes the wait as over when the lock is obtained, not when the work is done', async () => {
  using observer = observeChannels();
  const { metadata } = await startScripted({
    '/token': () => {
      expect(observer.endsOf('oa:lock')).toEqual([{ issuer: metadata.issuer, outcome: 'obtained' }]);
      return bearer('a');
    },
  });
  await managerAt(temporaryDirectory()).manager.getToken(metadata, job);
  expect(observer.endsOf('oa:lock')).toHaveLength(1);
});

it('publishes an early refresh after the call that started it, and no wait: it takes the lock only if it is free', async () => {
  using observer = observeChannels();
  const { metadata } = await startScripted({ '/token': bearer('new') });
  const { issuer } = metadata;
  const cache = new Map([nearExpiry(issuer, { refresh_token: 'PLANTED-REFRESH' })]);
  const { manager } = managerAt(temporaryDirectory(), { cache });
  await manager.getToken(metadata, { client_id: 'p' });
  await expect.poll(() => observer.endsOf('oa:refresh'), { timeout: 20_000 }).toHaveLength(1);
  const grant_type = 'authorization_code';
  expect(observer.endsOf('oa:refresh')).toEqual([{ issuer, grant_type }]);
  expect(observer.endsOf('oa:get')).toEqual([{ issuer, grant_type, source: 'memory' }]);
  expect(observer.published.filter(({ channel: name }) => name === 'oa:lock')).toEqual([]);
  expect(JSON.stringify(observer.published)).not.toContain('PLANTED');
});

it('publishes why a wait failed: the failure of the holder, which the waiter shares', async () => {
  using observer = observeChannels();
  const directory = temporaryDirectory();
  const answer = Promise.withResolvers<void>();
  const { server: scripted, metadata } = await startScripted({
    '/token': async () => {
      await answer.promise;
      return { status: 503, headers: { 'retry-after': '3600' } };
    },
  });
  const first = managerAt(directory).manager.get(metadata, job);
  await expect.poll(() => scripted.requestsTo('/token').length, { timeout: 20_000 }).toBe(1);
  const { manager, events } = managerAt(directory);
  const second = manager.get(metadata, job);
  await expect.poll(() => events.map(({ type }) => type), { timeout: 20_000 }).toContain('waiting');
  answer.resolve();
  expect([(await first).ok, (await second).ok]).toEqual([false, false]);
  const { issuer } = metadata;
  expect(observer.endsOf('oa:lock')).toEqual([
    { issuer, outcome: 'obtained' },
    { issuer, code: 'http_error' },
  ]);
});

it('publishes the code of each failure of oa:get, oa:refresh and oa:login, and no text of it', async () => {
  using observer = observeChannels();
  const { metadata } = await startScripted({
    '/token': inTurn(
      bearer('PLANTED-TOKEN', { refresh_token: 'PLANTED-REFRESH' }),
      { status: 400, json: { error: 'invalid_grant', error_description: 'PLANTED-TEXT' } },
      { status: 400, json: { error: 'invalid_client', error_description: 'PLANTED-TEXT' } },
    ),
  });
  const { issuer } = metadata;
  const directory = temporaryDirectory();
  const quiet = managerAt(directory, { interaction: 'never' }).manager;
  const person: Credentials = { client_id: 'PLANTED-CLIENT', profile: 'PLANTED-PROFILE' };
  const { openBrowser } = agreeingBrowser();
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(metadata, person);
  await changeStored(directory, (token) => aged(token, -1));
  expect(await quiet.get(metadata, person)).toMatchObject({ ok: false, error: { code: 'login_required' } });
  const failing = managerAt(directory, { login: { openBrowser } }).manager;
  expect(await failing.login(metadata, person)).toMatchObject({ ok: false, error: { error: 'invalid_client' } });
  await expect(quiet.get('PLANTED-TARGET', { client_id: 5 } as never)).rejects.toThrow(TypeError);
  await expect(quiet.get(metadata, job, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  const grant_type = 'authorization_code';
  expect(observer.endsOf('oa:refresh')).toEqual([{ issuer, grant_type, code: 'oauth_error' }]);
  expect(observer.endsOf('oa:login')).toEqual([
    { issuer, grant_type },
    { issuer, grant_type, code: 'oauth_error' },
  ]);
  expect(observer.endsOf('oa:get')).toEqual([
    { issuer, grant_type, source: 'obtained' },
    { issuer, grant_type, code: 'login_required' },
    { code: 'TypeError' },
    { code: 'AbortError' },
  ]);
  expect(JSON.stringify(observer.published)).not.toContain('PLANTED');
});

it('calls publish of no channel without subscribers, also after the last one has left', async () => {
  observeChannels()[Symbol.dispose]();
  const prototype = Object.getPrototypeOf(channel('oa:unused')) as Channel;
  const names: string[] = [];
  const count = function (this: Channel): void {
    names.push(String(this.name));
  };
  vi.spyOn(prototype, 'publish').mockImplementation(count);
  vi.spyOn(prototype, 'runStores').mockImplementation(count);
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  let later = 0;
  const { manager, events } = managerAt(temporaryDirectory(), { login, now: () => Date.now() + later });
  const source = manager.source(server.issuer, user());
  for (let call = 0; call < 4; call++) await source();
  later = 3_700_000;
  await source();
  expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['obtained', 'cache_hit', 'refreshed']));
  channel('oa:unused').publish({});
  expect(names.filter((name) => name.includes('oa:'))).toEqual(['oa:unused']);
});
