import { startProcess } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { KEY, readElsewhere, TOKEN, useCache } from '../setup.ts';

const fixture = useCache();

// Windows has no limit of descriptors for a process (`ulimit`).
it.skipIf(process.platform === 'win32')(
  'a process that can not open any file gets a retryable storage_unavailable from everything, and works later',
  async () => {
    const { cache, directory } = fixture;
    await cache.set(KEY, TOKEN);
    const { stdout, stderr } = await startProcess(new URL('../programs/starve.ts', import.meta.url), {
      task: { directory, key: KEY },
      under: ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"'],
    }).ended;
    expect(stderr).toBe('');
    const { starved, fed } = JSON.parse(stdout) as Record<'starved' | 'fed', Record<string, string>>;
    const tryLater = 'storage_unavailable true true true';
    expect(starved).toEqual(Object.fromEntries(Object.keys(fed).map((name) => [name, tryLater])));
    expect(fed).toEqual({ get: 'at', lock: 'worked', set: 'ok', delete: 'ok', list: 0, clear: 'ok' });
    expect(await readElsewhere(fixture)).toBeUndefined();
  },
);
