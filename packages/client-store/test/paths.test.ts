import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileClientStore } from '@oa/client-store';
import { expect, it, vi } from 'vitest';
import { ISSUER, useStore } from './setup.ts';

const fixture = useStore();

it('the file is below XDG_CONFIG_HOME, else below ~/.config, in a directory with the name of the app', async () => {
  const { root } = fixture;
  vi.stubEnv('XDG_CONFIG_HOME', 'relative');
  vi.stubEnv('HOME', root);
  await fileClientStore().store(ISSUER, { client_id: 'a' });
  await fileClientStore({ app: 'mine' }).store(ISSUER, { client_id: 'b' });
  expect(existsSync(join(root, '.config', 'oa', 'registered.json'))).toBe(true);
  expect(existsSync(join(root, '.config', 'mine', 'registered.json'))).toBe(true);
  expect(existsSync('relative')).toBe(false);
});

it('without a home directory lookup finds nothing, an event says why, and nothing is written', async () => {
  const { events } = fixture;
  for (const name of ['HOME', 'XDG_CONFIG_HOME']) vi.stubEnv(name, undefined);
  const here = readdirSync('.').toSorted();
  const homeless = fileClientStore({ onEvent: (event) => events.push(event) });
  expect(await homeless.lookup(ISSUER)).toBeUndefined();
  expect(events).toMatchObject([{ type: 'store_unavailable', code: 'storage_unavailable' }]);
  await expect(homeless.store(ISSUER, { client_id: 'i' })).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(readdirSync('.').toSorted()).toEqual(here);
});

it('profiles have separate files, also on file systems that ignore case', async () => {
  const { path } = fixture;
  const profiles = [undefined, 'a', 'A', 'a/b', '../a', 'é', 'me@example.com', 'a.json'];
  for (const profile of profiles)
    await fileClientStore({ path, profile }).store(ISSUER, { client_id: profile ?? 'none' });
  for (const profile of profiles) {
    const client = await fileClientStore({ path, profile }).lookup(ISSUER);
    expect(client?.client_id).toBe(profile ?? 'none');
  }
  const files = readdirSync(dirname(path)).filter((name) => name.endsWith('.json'));
  expect(new Set(files.map((name) => name.toLowerCase())).size).toBe(profiles.length);
  expect(files).toContain('registered.%41.json');
});

it('a wrong option is a TypeError at once', () => {
  expect(() => fileClientStore({ path: 'relative' })).toThrow(/absolute/);
  expect(() => fileClientStore({ path: 5 as never })).toThrow(TypeError);
  expect(() => fileClientStore({ app: '..' })).toThrow(TypeError);
  expect(() => fileClientStore({ app: '' })).toThrow(TypeError);
  expect(() => fileClientStore({ profile: '' })).toThrow(TypeError);
});
