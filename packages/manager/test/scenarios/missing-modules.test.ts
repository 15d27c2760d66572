import { join } from 'node:path';
import { isBuilt, startProcess } from '@oa-internal/testing';
import { expect, it } from 'vitest';
import { bearer, startScripted, temporaryDirectory } from '../setup.ts';

/** Each is loaded when it is needed for the first time. The login loads some while it waits for the user. */
const SOURCES: [string, number, string?][] = [
  ['manager/src/renewal.ts', 0],
  ['manager/src/failures.ts', 0],
  ['manager/src/client.ts', 0],
  ['manager/src/obtain.ts', 0],
  ['token-cache/src/shared.ts', 0],
  ['loopback/src/login.ts', 0],
  ['token-endpoint/src/request-token.ts', 1],
  ['types/src/schemas.ts', 1],
  ['/ky/', 1],
  ['client-store/src/index.ts', 0, 'register'],
  ['client-store/src/update.ts', 0, 'register'],
  ['registration/src/index.ts', 0, 'register'],
  ['discovery/src/file-cache.ts', 0, 'job'],
  ['manager/src/forget-client.ts', 0, 'forget'],
];

const BUILT: typeof SOURCES = [
  ['manager/dist/common.js', 0],
  ['token-cache/dist/shared.js', 0],
  ['private-file/dist/lock.js', 0],
  ['loopback/dist/index.js', 0],
  ['token-endpoint/dist/index.js', 1],
  ['types/dist/schemas.js', 1],
  ['/ky/', 1],
  ['client-store/dist/index.js', 0, 'register'],
  ['registration/dist/index.js', 0, 'register'],
  ['discovery/dist/file-cache.js', 0, 'job'],
  ['manager/dist/forget-client.js', 0, 'forget'],
];

it.each(isBuilt ? BUILT : SOURCES)(
  'returns a retryable storage error in a process that has too many open files to load %s, and works when it can',
  async (text, browsers, call = 'login') => {
    const { metadata } = await startScripted({
      '/token': bearer('a'),
      '/register': { status: 201, json: { client_id: 'registered' } },
    });
    const directory = temporaryDirectory();
    const env = {
      ...process.env,
      XDG_CACHE_HOME: join(directory, 'cache'),
      XDG_CONFIG_HOME: join(directory, 'config'),
    };
    const child = startProcess(join(import.meta.dirname, '../programs/missing-module.ts'), {
      env,
      task: { text, target: metadata.issuer, call },
    });
    const { stdout, stderr } = await child.ended;
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      browsers,
      result: { ok: false, error: { code: 'storage_unavailable', retryable: true } },
      later: { ok: true },
    });
  },
);
