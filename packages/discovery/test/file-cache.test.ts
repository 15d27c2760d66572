import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { discover, discoverRequirements, type CachedMetadata } from '@oa/discovery';
import { fileMetadataCache } from '@oa/discovery/file-cache';
import { metadata, recordEvents, RESOURCE, RFC8414, startServer } from './servers.ts';

afterEach(() => vi.unstubAllEnvs());

function createDirectory(): string {
  const directory = temporaryDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const entryOf = (issuer: string): CachedMetadata => ({ server: metadata(issuer), expires_at: 1 });

describe('the directory', () => {
  it.each([
    ['oa', {}],
    ['oa', { app: undefined, directory: undefined }],
    ['my-tool', { app: 'my-tool' }],
  ])("uses the directory %s in the user's cache directory with the options %j", async (app, options) => {
    const home = createDirectory();
    vi.stubEnv('XDG_CACHE_HOME', home);
    vi.stubEnv('LOCALAPPDATA', home);
    const cache = fileMetadataCache(options);
    expect(existsSync(join(home, app))).toBe(false);
    await cache.servers.set('https://as.example', entryOf('https://as.example'));
    const directory = process.platform === 'win32' ? join(home, app, 'Cache') : join(home, app);
    const hash = createHash('sha256').update('https://as.example').digest('hex');
    expect(readdirSync(join(directory, 'servers'))).toEqual([`${hash}.json`]);
  });

  it('uses a given directory, with one directory for servers and one for resources', async () => {
    const directory = join(createDirectory(), 'made', 'when needed');
    const { servers, resources } = fileMetadataCache({ directory });
    const requirements = { authorization_servers: ['https://as.example'] as [string], resource: 'x', expires_at: 1 };
    await servers.set('key', entryOf('https://as.example'));
    await resources.set('key', requirements);
    expect(readdirSync(directory).toSorted()).toEqual(['resources', 'servers']);
    expect(await servers.get('key')).toEqual(entryOf('https://as.example'));
    expect(await resources.get('key')).toEqual(requirements);
  });

  it('rejects a directory that is not an absolute path with a TypeError', () => {
    for (const directory of ['relative', '', 7, null])
      expect(() => fileMetadataCache({ directory: directory as string })).toThrow(/^options.directory must be/);
  });

  it('throws storage_unavailable for a user without a cache directory', () => {
    for (const name of ['XDG_CACHE_HOME', 'HOME', 'LOCALAPPDATA']) vi.stubEnv(name, undefined);
    expect(() => fileMetadataCache()).toThrow(expect.objectContaining({ code: 'storage_unavailable' }));
  });
});

describe('a store', () => {
  it('returns what was set, from private files, for keys of any length and alphabet', async () => {
    const directory = createDirectory();
    const keys = ['a', '../b', `https://as.example/${'x'.repeat(1000)}`, 'é\u0000'];
    for (const key of keys) await fileMetadataCache({ directory }).servers.set(key, entryOf(key));
    const { servers } = fileMetadataCache({ directory });
    for (const key of keys) expect(await servers.get(key)).toEqual(entryOf(key));
    const names = readdirSync(join(directory, 'servers'));
    expect(names).toHaveLength(keys.length);
    for (const name of names) expect(statSync(join(directory, 'servers', name)).mode & 0o777).toBe(0o600);
    await servers.delete('a');
    expect(await servers.get('a')).toBeUndefined();
  });

  it('rejects with corrupt_file for a file that is not JSON', async () => {
    const directory = createDirectory();
    const { servers } = fileMetadataCache({ directory });
    await servers.set('a', entryOf('a'));
    const [name = ''] = readdirSync(join(directory, 'servers'));
    writeFileSync(join(directory, 'servers', name), '{');
    await expect((async () => servers.get('a'))()).rejects.toMatchObject({ code: 'corrupt_file' });
  });

  it('serves discover and discoverRequirements in another process, and reports damaged files as events', async () => {
    await using server = await startServer((origin) => ({
      [RFC8414]: { json: metadata(origin) },
      [`${RESOURCE}/api`]: { json: { resource: `${origin}/api`, authorization_servers: [origin] } },
    }));
    const directory = createDirectory();
    const findBoth = async () => {
      const { servers, resources } = fileMetadataCache({ directory });
      const { events, onEvent } = recordEvents();
      const requirements = await discoverRequirements(`${server.origin}/api`, { cache: resources, onEvent });
      await discover(requirements.authorization_servers[0], { cache: servers, onEvent });
      return events;
    };
    expect(await findBoth()).toEqual([]);
    const requests = server.requests.length;
    expect(await findBoth()).toEqual([]);
    expect(server.requests).toHaveLength(requests);
    for (const kind of ['servers', 'resources'])
      for (const name of readdirSync(join(directory, kind))) writeFileSync(join(directory, kind, name), '{');
    const failed = { type: 'metadata_cache_failed', code: 'corrupt_file' };
    expect(await findBoth()).toEqual([
      { ...failed, issuer: `${server.origin}/api` },
      { ...failed, issuer: server.origin },
    ]);
    expect(await findBoth()).toEqual([]);
  });

  it.runIf(process.platform !== 'win32').each<[string, (path: string) => void]>([
    ['is open to others', (path): void => chmodSync(path, 0o644)],
    [
      'is a link',
      (path): void => {
        renameSync(path, `${path}.elsewhere`);
        symlinkSync(`${path}.elsewhere`, path);
      },
    ],
  ])('replaces a file that %s, and never uses it', async (_, change) => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const directory = createDirectory();
    const find = async (): Promise<unknown[]> => {
      const { events, onEvent } = recordEvents();
      await discover(server.origin, { cache: fileMetadataCache({ directory }).servers, onEvent });
      return events;
    };
    await find();
    const [name = ''] = readdirSync(join(directory, 'servers'));
    change(join(directory, 'servers', name));
    expect(await find()).toMatchObject([{ type: 'metadata_cache_failed', code: 'insecure_file_permissions' }]);
    expect(await find()).toEqual([]);
    expect(server.requests).toHaveLength(2);
  });

  it('reports a directory that can not be created as events', async () => {
    await using server = await startServer((origin) => ({ [RFC8414]: { json: metadata(origin) } }));
    const directory = createDirectory();
    mkdirSync(join(directory, 'parent'));
    writeFileSync(join(directory, 'parent', 'servers'), '');
    const { servers } = fileMetadataCache({ directory: join(directory, 'parent') });
    const { events, onEvent } = recordEvents();
    expect((await discover(server.origin, { cache: servers, onEvent })).issuer).toBe(server.origin);
    expect(events.map(({ type }) => type)).toEqual(['metadata_cache_failed', 'metadata_cache_failed']);
  });
});
