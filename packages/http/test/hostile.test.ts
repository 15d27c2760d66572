import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { startScriptedServer, type Reply } from '@oa-internal/scripted-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const child = fileURLToPath(new URL('programs/hostile.ts', import.meta.url));
const json = { 'content-type': 'application/json' };
const GIBIBYTE = 1024 ** 3;

interface Outcome {
  code: string | number;
  /** Milliseconds. */
  time: number;
  /** MiB, the highest of the process's life. */
  rss: number;
}

let cache: string;

beforeAll(async () => {
  // The children are TypeScript. What stripping its types costs (25 MB) would be counted too: a first run leaves the result
  // in a compile cache, so that the others load what an installed package is, JavaScript.
  cache = await mkdtemp(join(tmpdir(), 'oa-hostile-'));
  await against({ json: {} });
});

afterAll(() => rm(cache, { recursive: true }));

async function against(reply: Reply): Promise<Outcome> {
  await using server = await startScriptedServer(() => reply);
  // Under coverage the test runner turns the cache off.
  const { NODE_V8_COVERAGE: _, NODE_DISABLE_COMPILE_CACHE: __, ...env } = process.env;
  const options = { env: { ...env, NODE_COMPILE_CACHE: cache } };
  const { stdout } = await run(process.execPath, ['--conditions=@oa/source', child, server.origin], options);
  return JSON.parse(stdout) as Outcome;
}

describe('C7: hostile bodies, in a process of their own that stays under 100 MB and ends in time', () => {
  it('C7: 1 GiB of JSON without an end', async () => {
    let sent = 0;
    const body = blocks(GIBIBYTE, (bytes) => (sent += bytes));
    const { code, rss } = await against({ headers: json, body });
    expect(code).toBe('response_too_large');
    expect(rss).toBeLessThan(100);
    expect(sent).toBeLessThan(64 * 1024 ** 2);
  });

  it('C7: 1 GiB in 1 MB of gzip', async () => {
    // 16 members of 64 MiB each: a gzip file may be several in a row.
    const member = gzipSync(new Uint8Array(64 * 1024 ** 2).fill(32), { level: 9 });
    const headers = { ...json, 'content-encoding': 'gzip' };
    const { code, rss } = await against({ headers, body: Buffer.concat(Array.from({ length: 16 }, () => member)) });
    expect(code).toBe('response_too_large');
    expect(rss).toBeLessThan(100);
  });

  it('C7: a byte now and then', async () => {
    const { code, rss, time } = await against({ headers: json, body: drip() });
    expect(code).toBe('timeout');
    expect(rss).toBeLessThan(100);
    expect(time).toBeLessThan(10_000);
  });

  it('C7: 10,000 headers', async () => {
    const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`x-header-${index}`, 'value']));
    const { code, rss } = await against({ headers, json: {} });
    expect(code).toBe('response_too_large');
    expect(rss).toBeLessThan(100);
  });
});

async function* blocks(total: number, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(256 * 1024).fill(32);
  yield Buffer.from('{"a":');
  for (let sent = 0; sent < total; sent += block.length) {
    count(block.length);
    yield block;
  }
}

async function* drip(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield new Uint8Array([32]);
    await new Promise((resolve) => setTimeout(resolve, 50).unref());
  }
}
