// A program that root runs with the HOME of another user, as sudo does on many systems.
import { chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createManager } from '@oa/manager';
import type { OAuthEvent } from '@oa/types';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { agreeingBrowser, bearer, startScripted, temporaryDirectory } from '../setup.ts';

const otherUser = 65_534;
const isRoot = process.geteuid?.() === 0;
const why = isRoot ? '' : ' (only root can be in the home of another user)';

let home: string;
beforeEach(() => {
  home = temporaryDirectory();
  chownSync(home, isRoot ? otherUser : -1, -1);
  vi.stubEnv('HOME', home);
  for (const name of ['XDG_CACHE_HOME', 'XDG_CONFIG_HOME']) vi.stubEnv(name, undefined);
  return () => vi.unstubAllEnvs();
});

/** A new run of the program. */
function startRun(options: { openBrowser?: (url: string) => unknown } = {}): {
  manager: ReturnType<typeof createManager>;
  told: string[];
} {
  const told: string[] = [];
  const onEvent = (event: OAuthEvent): void => {
    if ('message' in event) told.push(event.message);
  };
  const login = { print: () => undefined, ...options };
  return { manager: createManager({ app: 'test', interaction: 'always', onEvent, login }), told };
}

function reason(): RegExp {
  return new RegExp(`${home}, which HOME names, belongs to another user \\(.*uid ${otherUser}\\), .* without sudo`);
}

describe.skipIf(!isRoot)(`root with the HOME of another user${why}`, () => {
  it('gets a token that needs no user, keeps it in memory only, and is told why', async () => {
    const { server, metadata } = await startScripted({ '/token': bearer('t') });
    for (let runs = 1; runs <= 2; runs += 1) {
      const { manager, told } = startRun();
      for (let calls = 0; calls < 3; calls += 1)
        expect(await manager.getToken(metadata, { client_id: 'c', client_secret: 's' })).toMatchObject({
          access_token: 't',
        });
      expect(server.requests).toHaveLength(runs);
      expect(told).toContainEqual(expect.stringMatching(reason()));
    }
    expect(readdirSync(home, { recursive: true })).toEqual([]);
  });

  it.each([
    ['a client that was registered by hand', { client_id: 'p' }],
    ['no client yet', {}],
  ])(
    'is not logged in with %s: no browser opens, no client is registered, and the error says why',
    async (_, client) => {
      const { server, metadata } = await startScripted({ '/token': bearer('t') });
      const { openBrowser, urls } = agreeingBrowser();
      const { manager } = startRun({ openBrowser });
      expect(await manager.get(metadata, client)).toMatchObject({
        ok: false,
        error: { code: 'storage_unavailable', message: expect.stringMatching(reason()) as string },
      });
      expect([urls, server.requests.map(({ path }) => path)]).toEqual([[], []]);
      expect(readdirSync(home, { recursive: true })).toEqual([]);
    },
  );

  it('is not told that it has logged the user out', async () => {
    const { metadata } = await startScripted();
    const ended = await startRun().manager.logout(metadata, { client_id: 'p' });
    expect(ended).toMatchObject({
      ok: false,
      error: { code: 'storage_unavailable', message: expect.stringMatching(reason()) as string },
    });
  });

  it('is logged in where the variables name directories of root, as in a container with a mounted home', async () => {
    for (const [name, folder] of [['XDG_CACHE_HOME', 'cache'] as const, ['XDG_CONFIG_HOME', 'config'] as const])
      vi.stubEnv(name, join(temporaryDirectory(), folder));
    const { metadata } = await startScripted({ '/token': bearer('t') });
    const { openBrowser, urls } = agreeingBrowser();
    for (let runs = 0; runs < 2; runs += 1)
      expect(await startRun({ openBrowser }).manager.getToken(metadata, { client_id: 'p' })).toMatchObject({
        access_token: 't',
      });
    expect(urls).toHaveLength(1);
    expect(readdirSync(home, { recursive: true })).toEqual([]);
  });
});
