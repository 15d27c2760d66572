// What a new process does to hand out a token that is fresh on disk, counted on the built packages.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from '@oa-internal/testing';
import { beforeAll, expect, it } from 'vitest';
import { root } from '../scripts/packages.ts';

const run = promisify(execFile);

/** Counts files and built-in modules that are loaded, and calls of `node:fs`. */
const OBSERVER = `
  const { registerHooks } = await import('node:module');
  const fs = process.getBuiltinModule('node:fs');
  const urls = [];
  const calls = {};
  for (const name of ['lstatSync', 'statSync', 'fstatSync', 'openSync', 'readlinkSync', 'realpathSync', 'readdirSync', 'readFileSync', 'opendirSync']) {
    const original = fs[name];
    const counted = (...args) => {
      // Those with another path are of the module loader.
      if (!String(args[0]).includes('/packages/')) calls[name] = (calls[name] ?? 0) + 1;
      return original(...args);
    };
    fs[name] = Object.assign(counted, original);
  }
  registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
  // The first import() of a process loads what every import() needs.
  await import('data:text/javascript,');
  const known = new Set(process.moduleLoadList);
  urls.length = 0;
`;
const HIT = `
  const { createManager } = await import('@oa/manager');
  const found = await createManager({ app: 'test' }).get('https://as.example', { client_id: 'c', client_secret: 's' });
  const builtins = process.moduleLoadList.filter((name) => !known.has(name));
  console.log(JSON.stringify({ token: found.value?.access_token, urls, calls, builtins }));
`;
const PUT = `
  const { fileTokenCache, tokenKey } = await import('@oa/token-cache');
  const key = tokenKey({ issuer: 'https://as.example', grant_type: 'client_credentials', client_id: 'c' });
  const expires_at = Math.floor(Date.now() / 1000) + 3600;
  await fileTokenCache({ app: 'test' }).set(key, { access_token: 'a', token_type: 'Bearer', expires_in: 3600, expires_at });
`;

let home = '';

async function runBuilt(program: string): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: home, XDG_CACHE_HOME: join(home, 'cache') };
  const args = ['--input-type=module', '--eval', program];
  return (await run(process.execPath, args, { cwd: join(root, 'packages/manager'), env })).stdout;
}

beforeAll(async () => {
  execFileSync('pnpm', ['run', 'build'], { cwd: root, stdio: 'pipe' });
  home = temporaryDirectory();
  mkdirSync(join(home, 'cache'), { mode: 0o700 });
  await runBuilt(PUT);
});

it('loads 6 files and no built-in module, and makes one stat, one open and a check of each directory on the way', async () => {
  const { token, urls, calls, builtins } = JSON.parse(await runBuilt(OBSERVER + HIT)) as {
    token: string;
    urls: string[];
    calls: Record<string, number>;
    builtins: string[];
  };
  expect(token).toBe('a');
  expect(urls.map((url) => /packages\/([^/]+\/dist\/[^/]+)$/.exec(url)?.[1] ?? url).toSorted()).toEqual([
    'manager/dist/index.js',
    'mechanisms/dist/index.js',
    'private-file/dist/index.js',
    'token-cache/dist/index.js',
    'types/dist/index.js',
    'types/dist/rfc.js',
  ]);
  expect(builtins).toEqual([]);
  // `/` and each name below it, as docs/decisions/026-parents-and-locks.md has it, and the version of the file.
  const directories = join(home, 'cache', 'test', 'tokens').split('/').length;
  expect(calls).toEqual({ lstatSync: directories + 1, openSync: 1, fstatSync: 1 });
});
